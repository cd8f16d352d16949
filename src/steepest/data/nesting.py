"""Groups that lie in larger ones: dendrites in animals, which should be resampled whole."""

import numpy as np

from steepest.data.guesses import speaks_of
from steepest.data.label_columns import levels
from steepest.data.labels import Labels
from steepest.data.table import Table
from steepest.errors import DataError

__all__ = ["outer_of"]


def outer_of(table: Table, group: str, labels: Labels) -> str | None:
    """What is said where groups lie whole in fewer animals (or cells), by a column of the table.

    `group` is the column of the groups' `labels`; where it names two levels there is nothing to
    say. Synapses of one animal share more than those of one dendrite.
    """
    if len(levels(table, group)) > 1:
        return None
    for what in ("outer", "cell"):
        for place, name in enumerate(table.names):
            if name == group or not speaks_of(name, what) or speaks_of(group, what):
                continue
            try:
                outer = table.labels(place)
            except DataError:
                continue  # no column of labels
            if len(outer) == len(labels) and _holds(outer, labels):
                return (
                    f"the {len(labels.names)} groups of {group!r} lie in {len(outer.names)} of"
                    f" {name!r}: --group {name}/{group} still takes scale and drift out of each,"
                    f" and resamples whole what shares a {name}"
                )
    return None


def _holds(outer: Labels, inner: Labels) -> bool:
    """Whether each inner group lies in one outer group, and these are fewer and more than one."""
    own = np.zeros(len(inner.names), dtype=np.int64)
    own[inner.codes] = outer.codes
    nested = bool(np.all(own[inner.codes] == outer.codes))
    return nested and 2 <= len(outer.names) < len(inner.names)
