"""The regression task as a drawing (Fig 3A)."""

from typing import Any

import matplotlib.patches

from steepest.pictures import INK, RULE_COLOURS

__all__ = ["STUDENT", "TEACHER", "draw_regression"]

TEACHER, STUDENT = RULE_COLOURS["approximate"], RULE_COLOURS["natural"]

_SLOW, _FAST = "#8a8a8a", INK


def draw_regression(axes: Any) -> None:
    """Two groups of afferents drive a teacher and a student, whose difference teaches."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    soma = {"teacher": (0.66, 0.76, TEACHER, "$w^*$"), "student": (0.66, 0.24, STUDENT, "$w$")}
    for first, colour, name, step in ((0.62, _SLOW, "10 Hz", 0.075), (0.14, _FAST, "50 Hz", 0.024)):
        for k in range(3):
            y = first + 0.12 * k
            place = 0.03 + 0.011 * k
            while place < 0.2:
                axes.plot([place] * 2, [y - 0.025, y + 0.025], color=colour, linewidth=1)
                place += step
            for x_soma, y_soma, _, _ in soma.values():
                axes.plot([0.23, x_soma - 0.09], [y, y_soma + 0.06 * (k - 1)], color=colour,
                          linewidth=0.6, alpha=0.6)  # fmt: skip
        axes.text(0.11, first + 0.31, name, ha="center", color=colour, fontsize=9)
    for name, (x, y, colour, weights) in soma.items():
        axes.add_patch(matplotlib.patches.Circle((x, y), 0.09, facecolor=colour, edgecolor=INK))
        axes.text(x, y, weights, ha="center", va="center", color="white", fontsize=11)
        above = 1 if name == "teacher" else -1
        axes.text(x, y + 0.15 * above, name, ha="center", va="center", fontsize=9)
    arrow = {"arrowstyle": "->", "color": INK}
    axes.annotate("", (0.93, 0.56), (0.76, 0.76), arrowprops=arrow)
    axes.annotate("", (0.93, 0.44), (0.76, 0.24), arrowprops=arrow)
    axes.text(0.93, 0.5, "$Y^* - \\phi$", ha="center", va="center", fontsize=10)
    axes.annotate("", (0.72, 0.33), (0.86, 0.47), arrowprops={**arrow, "linestyle": "--"})
