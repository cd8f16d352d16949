from .answer import Answer
from .asked import answer_request
from .comparison import comparison_answer
from .connectivity import connectivity_answer
from .layers import layers_answer
from .measured import measured_answer
from .metric import metric_answer
from .page import Light, Page, Section
from .pair import pair_answer
from .plan import plan_answer
from .study import study_page
from .unpaired import unpaired_answer

__all__ = [
    "Answer",
    "Light",
    "Page",
    "Section",
    "answer_request",
    "comparison_answer",
    "connectivity_answer",
    "layers_answer",
    "measured_answer",
    "metric_answer",
    "pair_answer",
    "plan_answer",
    "study_page",
    "unpaired_answer",
]
