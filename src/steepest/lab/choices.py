"""What is chosen on the page, as arguments of `steepest infer`, and the way back from them."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["LAYOUTS", "SHARED", "Choices"]

LAYOUTS: dict[str, tuple[str, ...]] = {
    "pair": ("before", "after", "replicate_before", "replicate_after", "rate", "signed"),
    "sessions": ("sessions",),
    "long": ("id", "session", "size", "replicates", "order"),
    "unpaired": ("before", "after"),
    "pairs": ("before", "after"),
    "long_pairs": ("pair", "size"),
}
"""How a table may be laid out, and the options of `infer` that say where sizes are in it."""

SHARED: tuple[str, ...] = (
    "group", "where", "compare", "condition", "null", "file_is", "times", "absent", "not_measured",
    "detection_limit", "noise_cv", "noise_sd", "noise", "keep_outliers", "table", "header_row",
    "seed",
)  # fmt: skip
"""The options of `infer` that go with every layout."""

_GROUPED = frozenset({"group"})
_NOISY = frozenset({"noise_cv", "noise_sd", "noise"})
_WITHOUT = {
    "sessions": _NOISY,
    "unpaired": _GROUPED | _NOISY,
    "pairs": _GROUPED | {"noise"},
    "long_pairs": _GROUPED | {"noise"},
}
# What a layout cannot have: its fields are hidden, and count for nothing if they were filled in.

_IMPLIED = {"unpaired": "unpaired", "pairs": "pairs", "long_pairs": "pairs"}
_FLAGS = {"replicates", "keep_outliers", "signed", *_IMPLIED.values()}
_LINES = {"where", "absent", "not_measured", "order"}  # a value a line
_NOISE = {"cv": "noise_cv", "sd": "noise_sd", "table": "noise"}


@dataclass(frozen=True)
class Choices:
    """How a table is laid out, and what is said of it: options of `infer` with their values.

    A flag that is said has no values. Whether what is said makes sense, `infer` decides.

    >>> Choices("pair", {"before": ("day 0",), "after": ("-1",)}).arguments()
    ['--before', 'day 0', '--after=-1']
    >>> guess = Choices.of_command("steepest infer a.csv --sessions d0 d4 d8 --group animal/cell")
    >>> guess.layout, guess.values("sessions"), guess.parts("group", ["animal", "cell"])
    ('sessions', ('d0', 'd4', 'd8'), ('animal', 'cell'))
    """

    layout: str = "pair"
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of_command(cls, command: str) -> "Choices":
        """The choices in a command line that `steepest.data.look` proposes.

        What it leaves to be filled in (LIMIT) is left open.
        """
        said: dict[str, tuple[str, ...]] = {}
        option = ""
        for word in shlex.split(command):
            if word.startswith("--"):
                name, equals, value = word[2:].partition("=")
                option = name.replace("-", "_")
                said[option] = (*said.get(option, ()), *([value] if equals else []))
            elif option:
                said[option] = (*said[option], word)
        if said.get("detection_limit") == ("LIMIT",):
            del said["detection_limit"]
        layout = "pair"
        if "pairs" in said:
            layout = "long_pairs" if "pair" in said else "pairs"
        elif "unpaired" in said:
            layout = "unpaired"
        elif "sessions" in said:
            layout = "sessions"
        elif "size" in said:
            layout = "long"
        return cls(layout, said)

    @classmethod
    def of_form(cls, fields: Iterable[tuple[str, str]]) -> "Choices":
        """The choices in a form that was sent, as pairs of names and values.

        An option of one layout is named after both (`pair.before`), one of them all by itself. Two
        columns that lie in one another are two fields (`group_outer`, `group`).
        """
        sent: dict[str, list[str]] = {}
        for name, value in fields:
            sent.setdefault(name, []).append(value)
        layout = sent.get("layout", ["pair"])[0]
        layout = layout if layout in LAYOUTS else "pair"
        said: dict[str, tuple[str, ...]] = {}
        without = _WITHOUT.get(layout, frozenset())
        for option in (*LAYOUTS[layout], *(shared for shared in SHARED if shared not in without)):
            name = f"{layout}.{option}" if option in LAYOUTS[layout] else option
            values = _values(option, sent.get(name, []))
            outer = [value for value in sent.get(f"{name}_outer", []) if value]
            if values and outer:
                values = (f"{outer[0]}/{values[0]}",)
            if values:
                said[option] = () if option in _FLAGS else values
        known = sent.get("noise_is", [""])[0]
        for kind, option in _NOISE.items():
            said.pop(option, None)
            if known == kind and option not in without:  # sent empty, it is refused by its name
                said[option] = (sent.get(option, [""])[0].strip(),)
        if known == "exact" and "noise_cv" not in without:
            said["noise_cv"] = ("0",)
        if layout in _IMPLIED:
            said[_IMPLIED[layout]] = ()
        return cls(layout, said)

    def arguments(self) -> list[str]:
        """The words that follow `steepest infer FILE`."""
        words: list[str] = []
        for option, values in self.said.items():
            name = "--" + option.replace("_", "-")
            if any(value.startswith("-") or not value for value in values):
                words += [f"{name}={value}" for value in values]
            else:
                words += [name, *values]
        return words

    def values(self, option: str) -> tuple[str, ...]:
        """What is said for an option; nothing where it is not said."""
        return self.said.get(option, ())

    def first(self, option: str) -> str:
        """The one value that is said for an option, or ""."""
        return (*self.values(option), "")[0]

    def parts(self, option: str, columns: Sequence[str]) -> tuple[str, str]:
        """The outer column, if any, and the inner one that an option names as outer/inner."""
        value = self.first(option)
        outer, slash, inner = value.partition("/")
        if value in columns or not slash:
            return "", value
        return outer, inner

    @property
    def noise(self) -> str:
        """What is known of the noise: "exact", "cv", "sd", "table", or "" for nothing."""
        for kind in ("sd", "table"):
            if self.values(_NOISE[kind]):
                return kind
        if not self.values("noise_cv"):
            return ""
        return "exact" if self.first("noise_cv") == "0" else "cv"


def _values(option: str, sent: Sequence[str]) -> tuple[str, ...]:
    """What a field says, without spaces around it: columns that have some go by their numbers."""
    if option in _LINES:
        return tuple(line.strip() for text in sent for line in text.splitlines() if line.strip())
    if option == "times":
        return tuple(word for text in sent for word in re.split(r"[\s,;]+", text) if word)
    return tuple(value.strip() for value in sent if value.strip())
