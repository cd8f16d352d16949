"""The order and the spacing of sessions, from what they are called: numbers, dates or names."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from steepest.errors import DataError

__all__ = ["dates_of", "numbers_in", "ordered", "same_label"]

_NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})")
_COMPACT = re.compile(r"(?:19|20)\d{6}")
# Pairs of names whose order everybody knows: proposed, never assumed.
_FIRST = ("pre", "before", "baseline", "base", "t0", "start", "vor", "vorher")


def ordered(
    labels: Sequence[str], order: Sequence[str] = (), *, called: str = "sessions"
) -> tuple[list[int], list[float] | None]:
    """Places of the labels in order of time, and their times in days where they are dates.

    `order` names them in order; else numbers, dates (2019-06-20, 31.12.2019, 20190620) and names
    that differ in one number (day0, day4) order themselves. Only dates say how far apart they are.

    Raises DataError for names without an order, for dates that can be read in two ways, and where
    `order` names a label that is not there, leaves one out or repeats one.

    >>> ordered(["2019-06-24", "2019-06-20"]), ordered(["day10", "day9"])
    (([1, 0], [0.0, 4.0]), ([1, 0], None))
    >>> ordered(["after", "before"], order=["before", "after"])
    ([1, 0], None)
    """
    if order:
        places = _as_told(labels, order, called)
        dates = dates_of(labels)
        if dates is None:
            return places, None
        days = [_days(dates[place] - dates[places[0]]) for place in places]
        return places, days
    dates = dates_of(labels)
    if dates is not None:
        places = sorted(range(len(labels)), key=dates.__getitem__)
        return places, [_days(dates[place] - dates[places[0]]) for place in places]
    numbers = numbers_in(labels)
    if numbers is None or len(set(numbers)) < len(numbers):
        raise DataError(_no_order(labels, called))
    return sorted(range(len(labels)), key=numbers.__getitem__), None


def dates_of(labels: Sequence[str]) -> list[datetime] | None:
    """The labels as dates, if every one is; None where they are something else.

    2019-06-20 and 2019/06/20 (with or without a time of day), 20190620, 31.12.2019 and 31.12.19,
    and 12/31/2019 or 31/12/2019 where a number above 12 tells which is the month.

    >>> dates_of(["31.12.2019", "1.1.2020"])[1].isoformat(), dates_of(["day 1"])
    ('2020-01-01T00:00:00', None)
    """
    texts = [label.strip() for label in labels]
    if not texts:
        return None
    readings = [[date for date in map(read, texts) if date] for read in _READERS]
    whole = [dates for dates in readings if len(dates) == len(texts)]
    different = [dates for at, dates in enumerate(whole) if dates not in whole[:at]]
    return different[0] if len(different) == 1 else None


def numbers_in(labels: Sequence[str]) -> list[float] | None:
    """The number in each label, where the labels differ in one number and in nothing else.

    A minus before it is a sign where it stands alone or other labels go without it (day-5, day5);
    where every label has one after a letter, it is a hyphen (day-1, day-2).

    >>> numbers_in(["-15", "2"]), numbers_in(["day-1", "day-2"]), numbers_in(["a", "b"])
    ([-15.0, 2.0], [1.0, 2.0], None)
    """
    texts = [label.strip().replace("−", "-") for label in labels]
    hyphen = all(re.search(r"\w[-_]\d", text) for text in texts)
    if hyphen:
        texts = [re.sub(r"(?<=\w)-(?=\d)", "_", text) for text in texts]
    parts = [(_NUMBER.sub("#", text), _NUMBER.findall(text)) for text in texts]
    shapes = {shape for shape, _ in parts}
    if len(shapes) != 1 or not parts[0][1]:
        return None
    columns = list(zip(*(numbers for _, numbers in parts), strict=True))
    differing = [column for column in columns if len(set(column)) > 1]
    if len(labels) == 1:
        differing = columns[-1:]
    return [float(number) for number in differing[0]] if len(differing) == 1 else None


def same_label(one: str, other: str) -> bool:
    """Whether two labels are the same text, or the same number (1 and 1.0).

    >>> same_label("1", "1.0"), same_label("s1", "s01")
    (True, False)
    """
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _as_told(labels: Sequence[str], order: Sequence[str], called: str) -> list[int]:
    places: list[int] = []
    for wanted in order:
        place = next((at for at, label in enumerate(labels) if same_label(label, wanted)), None)
        if place is None:
            raise DataError(f"--order names {wanted!r}, and there are {called} {_listed(labels)}")
        if place in places:
            raise DataError(f"--order names {wanted!r} twice: name every session once")
        places.append(place)
    left = [label for at, label in enumerate(labels) if at not in places]
    if left:
        raise DataError(
            f"--order leaves out {_listed(left)}: name every session, or leave its rows out with"
            " --where"
        )
    return places


def _no_order(labels: Sequence[str], called: str) -> str:
    first = sorted(labels, key=lambda label: not label.lower().startswith(_FIRST))
    typed = " ".join(f"'{label}'" if " " in label else label for label in first[:8])
    more = " ..." if len(labels) > 8 else ""
    ambiguous = all(_SLASHED.fullmatch(label.strip()) for label in labels)
    why = (
        "dates of which the month may stand first or second"
        if ambiguous
        else "names that say nothing about time"
    )
    return (
        f"{called} {_listed(labels)} are {why}: give their order with --order, for example"
        f" --order {typed}{more}"
    )


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(map(repr, labels[:8])) + (", ..." if len(labels) > 8 else "")


def _iso(text: str) -> datetime | None:
    digits = re.match(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}(?!\d)", text)
    if not digits:
        return None
    year, month, day = re.split("[-/]", digits.group())
    time = text[digits.end() :]
    try:
        date = datetime.fromisoformat(f"{year}-{month:>02}-{day:>02}{time}")
    except ValueError:
        return None
    return date if date.tzinfo is None else date.astimezone(UTC).replace(tzinfo=None)


def _dotted(text: str) -> datetime | None:
    match = _DOTTED.fullmatch(text)
    if not match:
        return None
    day, month, year = map(int, match.groups())
    return _date(year + 2000 if year < 100 else year, month, day)


def _compact(text: str) -> datetime | None:
    return _date(int(text[:4]), int(text[4:6]), int(text[6:])) if _COMPACT.fullmatch(text) else None


def _month_first(text: str) -> datetime | None:
    match = _SLASHED.fullmatch(text)
    return _date(int(match[3]), int(match[1]), int(match[2])) if match else None


def _day_first(text: str) -> datetime | None:
    match = _SLASHED.fullmatch(text)
    return _date(int(match[3]), int(match[2]), int(match[1])) if match else None


_READERS = (_iso, _dotted, _compact, _month_first, _day_first)


def _date(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day)
    except ValueError:
        return None


def _days(span: timedelta) -> float:
    return span / timedelta(days=1)
