from .checkpoints import read_checkpoint
from .looks import ColumnLook, Look, Mark, look
from .series import Series, read_series
from .tables import Columns, read_columns

__all__ = [
    "ColumnLook",
    "Columns",
    "Look",
    "Mark",
    "Series",
    "look",
    "read_checkpoint",
    "read_columns",
    "read_series",
]
