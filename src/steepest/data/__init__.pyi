from .checkpoints import read_checkpoint
from .series import Series, read_series
from .tables import Columns, read_columns

__all__ = ["Columns", "Series", "read_checkpoint", "read_columns", "read_series"]
