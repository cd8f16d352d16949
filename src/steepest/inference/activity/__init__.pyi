from .connectivity import Connectivity
from .estimate import infer_connectivity
from .picture import connectivity_picture

__all__ = ["Connectivity", "connectivity_picture", "infer_connectivity"]
