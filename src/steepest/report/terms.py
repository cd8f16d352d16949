"""Terms of art, each in a sentence: a page explains them where they stand, and lists them."""

import re
from collections.abc import Iterable

__all__ = ["TERMS", "explained", "terms_in"]

TERMS = {
    "3-norm": "The geometry of index -1: the smaller a synapse, the more it changes.",
    "euclidean": "The geometry of index 0: large and small synapses change by the same amount, as"
    " in ordinary gradient descent.",
    "1.5-norm": "The geometry of index 0.5: change grows with the square root of size. A mixture of"
    " additive and multiplicative change looks the same.",
    "multiplicative": "The geometry of index 1: every synapse changes by the same fraction of its"
    " size, as in exponentiated gradient descent.",
    "burg": "The geometry of index 2, of Burg's entropy: change grows with the square of size.",
    "geometry index": "The power of size with which the typical change of a synapse grows: 0 by the"
    " same amount, 1 by the same fraction.",
    "index": "The power of size with which the typical change of a synapse grows: 0 by the same"
    " amount, 1 by the same fraction.",
    "dual": "A rescaled size, the quantity in which every synapse changes alike, whatever its size:"
    " the logarithm of size where change is multiplicative, the size itself where it is Euclidean.",
    "lag": "How many sessions lie between the two that are compared. Learning adds up with the"
    " lag, measurement noise does not.",
    "by products": "The index from products of two changes that share no measurement, in which"
    " noise cancels whatever its size.",
    "signal share": "The part of the variance of measured change that is change of the synapse;"
    " the rest is measurement noise.",
    "shot noise": "Noise that grows with the square root of size, as that of counted photons.",
    "log-likelihood": "How probable the data are if an index holds, as a logarithm: 2 less is a"
    " factor of about 7.",
    "Delta CDF": "How far the distribution of the dual change is from a Gaussian: the"
    " largest distance of the two cumulative distributions.",
    "logroot": "The estimator that finds the index in which small and large synapses change alike.",
    "bootstrap": "Repeating the estimate on resampled data, to see how far it would vary.",
    "AICc": "Akaike's criterion for small samples: how badly a family fits, plus what its"
    " coefficients cost. Less is better, and 10 is far.",
    "mobility": "The inverse of the metric, times the learning rate: how far a push moves a point.",
    "metric": "What counts as a short way: it turns the slope of a cost into a direction.",
    "eigenvalue": "How much of the activity's variance lies in one direction.",
    "relative entropy": "How far two descriptions of the same activity are apart: how much worse"
    " one predicts it than the other.",
    "fourth differences": "The derivative at a time from two samples before and two after it.",
    "central differences": "The derivative at a time from the sample before and the one after it.",
    "forward differences": "The derivative at a time from the sample there and the next one.",
    "false discovery rate": "The share of what was called changed that is expected not to have"
    " changed so.",
    "prior": "What is assumed of the true changes before a synapse is looked at.",
    "ridge": "A small number that keeps directions without data from being amplified.",
}
"""What is said of each term, by the term as it stands in a text."""

_LONGEST_FIRST = sorted(TERMS, key=len, reverse=True)
_PATTERN = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, _LONGEST_FIRST))})(?![\w-])", re.I)
_BY_LOWER = {term.lower(): term for term in TERMS}


def explained(text: str) -> list[tuple[str, str | None]]:
    """A text in pieces: every term, the first time it stands there, with its name in `TERMS`.

    >>> explained("the dual of burg, a dual")
    [('the ', None), ('dual', 'dual'), (' of ', None), ('burg', 'burg'), (', a dual', None)]
    """
    pieces: list[tuple[str, str | None]] = []
    seen: set[str] = set()
    end = 0
    for match in _PATTERN.finditer(text):
        term = _BY_LOWER[match[0].lower()]
        if term in seen:
            continue
        seen.add(term)
        pieces += [(text[end : match.start()], None), (match[0], term)]
        end = match.end()
    return [piece for piece in [*pieces, (text[end:], None)] if piece[0]]


def terms_in(texts: Iterable[str]) -> list[str]:
    """The terms that stand in any of some texts, in the order of `TERMS`.

    >>> terms_in(["a lag of 2", "burg"])
    ['burg', 'lag']
    """
    seen = {_BY_LOWER[match[0].lower()] for text in texts for match in _PATTERN.finditer(text)}
    return [term for term in TERMS if term in seen]
