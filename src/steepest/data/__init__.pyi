from .checkpoints import open_checkpoint, read_checkpoint
from .looks import ColumnLook, Look, Mark, look
from .series import Series, read_series
from .stored import StoredWeights
from .tables import Columns, read_columns

__all__ = [
    "ColumnLook",
    "Columns",
    "Look",
    "Mark",
    "Series",
    "StoredWeights",
    "look",
    "open_checkpoint",
    "read_checkpoint",
    "read_columns",
    "read_series",
]
