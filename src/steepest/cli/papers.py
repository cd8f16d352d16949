"""`steepest papers`: what can be reproduced."""

from steepest.cli.output import show

__all__ = ["command"]


def command() -> int:
    """List the papers and figures that `steepest reproduce` knows.

    For example:

    ```
    steepest papers
    steepest papers | grep kreutzer2022
    ```
    """
    from steepest.papers import available

    for paper in available():
        show(f"{paper.key}: {paper.title}")
        if paper.citation is not None:
            show(f"    {paper.citation.short}")
        width = max(len(figure.key) for figure in paper.figures)
        for figure in paper.figures:
            show(f"    {figure.key:{width}}  {figure.title}")
        show("")
    show("Reproduce one with: steepest reproduce NAME")
    return 0
