from .connectivity import Connectivity, infer_connectivity
from .picture import connectivity_picture

__all__ = ["Connectivity", "connectivity_picture", "infer_connectivity"]
