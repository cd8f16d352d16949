"""The movie of Fig 3, drawn by code: a pen writes the letter A, then the page fades back."""

import numpy as np
from jaxtyping import Float

__all__ = ["scores", "write_a"]

# Strokes in units of the page's side, x to the right and y downward: up, down, across.
_STROKES = (((0.18, 0.86), (0.5, 0.12)), ((0.5, 0.12), (0.82, 0.86)), ((0.3, 0.6), (0.7, 0.6)))


def write_a(
    frames: int, side: int, ramp: float, *, begin: float = 0.08, fade: float = 0.2
) -> Float[np.ndarray, "frames pixels"]:
    """The movie, one row per frame, ink from 0 to 1.

    The pen is a Gaussian one pixel wide. A point of the stroke, at arc length s of 1, is switched
    on by a smoothstep of width `ramp`, half way when the pen passes it. The first frame shows the
    first `begin` of the stroke, at the bottom left; during the last `fade` of the frames the
    finished letter turns back into the first frame: the movie is periodic and never blank.
    """
    points, lengths = [], []
    for start, end in _STROKES:
        start, end = np.array(start), np.array(end)
        share = np.linspace(0, 1, 120)[:, None]
        points.append((start + share * (end - start)) * (side - 1))
        lengths.append(np.full(120, np.linalg.norm(end - start) / 119))
    path, arc = np.concatenate(points), np.cumsum(np.concatenate(lengths))
    arc /= arc[-1]
    y, x = np.mgrid[:side, :side]
    distance = (x.ravel() - path[:, :1]) ** 2 + (y.ravel() - path[:, 1:]) ** 2
    pen = np.exp(-distance / 2)
    writing = frames - round(fade * frames)
    progress = np.linspace(begin, 1 + ramp / 2, writing)
    share = np.clip((progress[:, None] - arc) / ramp + 0.5, 0, 1)
    switch = share**2 * (3 - 2 * share)
    pages = np.array([(row[:, None] * pen).max(axis=0) for row in switch])
    back = np.arange(1, frames - writing + 1)[:, None] / (frames - writing + 1)
    return np.concatenate([pages, (1 - back) * pages[-1] + back * pages[0]])


def scores(
    played: Float[np.ndarray, "t pixels"], movie: Float[np.ndarray, "frames pixels"]
) -> tuple[float, float, float]:
    """How well a replay is the movie, frame by frame: (correlation, index, mean-removed).

    Mean correlation with the frame that is due; share of frames whose best-correlated frame of
    the movie is within one of the one due (cyclically); mean correlation after the movie's mean
    image is taken from both. A replay that is not finite scores 0.
    """
    if not np.isfinite(played).all():
        return 0.0, 0.0, 0.0
    due = np.arange(len(played)) % len(movie)

    def correlate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
        size = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
        return (a @ b.T) / np.where(size > 0, size, np.inf)

    table = correlate(played, movie)
    off = np.abs(table.argmax(axis=1) - due)
    near = np.minimum(off, len(movie) - off) <= 1
    mean = movie.mean(axis=0)
    removed = correlate(played - mean, movie - mean)
    rows = np.arange(len(played))
    return float(table[rows, due].mean()), float(near.mean()), float(removed[rows, due].mean())
