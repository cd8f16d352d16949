"""The figure that a study computes: one of ours by name, or a user's Python file with its text."""

import functools
import hashlib
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from steepest.data.opening import read_text
from steepest.errors import DataError, UsageError
from steepest.papers import available, load
from steepest.study import Figure

__all__ = ["FigureSource"]


@dataclass(frozen=True)
class FigureSource:
    """Where a figure's code comes from; travels to the workers.

    A user's file travels as text, so that editing it while a sweep runs mixes no two versions.
    `file` is None for a figure of the package.

    >>> FigureSource("figure.py", "figure.py", "the text of the file").digest[:8]
    '9f9f755e'
    """

    name: str
    file: str | None
    text: str

    @classmethod
    def find(cls, name: str, folder: Path) -> "FigureSource":
        """The figure that a study file in `folder` calls `name`: "PAPER.FIGURE" or "FILE.py".

        Raises `UsageError` when there is none, or when the name is that of a whole paper.
        """
        if name.endswith(".py"):
            path = folder / name
            try:
                return cls(name, str(path.resolve()), read_text(path))
            except (DataError, OSError) as error:
                raise UsageError(f"cannot read the figure file {path}: {error}") from error
        for paper in available():
            if paper.key == name:
                keys = ", ".join(figure.key for figure in paper.figures)
                raise UsageError(
                    f"figure = {name!r} is a whole paper; name one of its figures: {keys}"
                )
        (figure,) = load(name)
        return cls(name, None, inspect.getsource(figure.module))

    @property
    def digest(self) -> str:
        """SHA-256 of the code, which tells two versions of it apart."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def load(self) -> Figure:
        """The figure, imported once per process and checked to keep the protocol.

        Raises `UsageError` when the file cannot be imported (with the reason), or lacks a part.
        """
        if self.file is None:
            (figure,) = load(self.name)
            return figure
        return _from_text(self)


@functools.cache
def _from_text(source: FigureSource) -> Figure:
    path = Path(str(source.file))
    module = ModuleType(f"steepest_study_{path.stem}_{source.digest[:12]}")
    module.__file__ = source.file
    # Dataclasses look their module up here; siblings of the file can be imported as in a script.
    sys.modules[module.__name__] = module
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        exec(compile(source.text, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise UsageError(
            f"the figure file {path} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    try:
        return Figure(path.stem, module)
    except UsageError as error:
        raise UsageError(str(error).replace(module.__name__, str(path))) from error
