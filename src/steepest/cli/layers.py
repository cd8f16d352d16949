"""`steepest infer-layers`: which geometry trained a network?"""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from steepest.cli.app import Json, Seed, app
from steepest.cli.output import show, to_json

__all__ = ["infer_layers"]


@app.command(name="infer-layers")
def infer_layers(
    before: Annotated[Path, Parameter(help="Checkpoint before: torch, safetensors or NPZ.")],
    after: Annotated[Path, Parameter(help="Checkpoint after, of the same network.")],
    /,
    *,
    draws: Annotated[int, Parameter(help="Resamples of units for the intervals.")] = 200,
    seed: Seed = 0,
    out: Annotated[Path | None, Parameter(help="Folder for layers.json.")] = None,
    json: Json = False,
) -> int:
    """Which geometry trained this network, layer by layer?

    Compares two checkpoints. The index is where a weight's dual change does not depend on its
    size once what it shares with its row and column is taken out: 0 is gradient descent, 1
    multiplicative. Torch files are read without running any code in them.
    """
    from steepest import inference
    from steepest.data.checkpoints import read_checkpoint
    from steepest.study import staging

    verdict = inference.infer_layers(
        read_checkpoint(before), read_checkpoint(after), draws=draws, seed=seed
    )
    if out is not None:
        with staging(out) as stage:
            (stage / "layers.json").write_text(to_json(verdict.to_dict()), encoding="utf-8")
    if json:
        print(to_json(verdict.to_dict()))
        return 0
    show(f"{before.name} (before), {after.name} (after)\n")
    show(_table(verdict))
    show("")
    show(verdict.verdict, wrap=True)
    crossed = sum(layer.moved_signs for layer in verdict.layers)
    if crossed:
        show(
            f"{crossed} weights changed sign, which no geometry of index 1 or above allows.",
            wrap=True,
        )
    if out is not None:
        show(f"\nWrote layers.json to {out}")
    return 0


def _table(verdict: Any) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in (
        "Layer",
        "Shape",
        "Index",
        "95 %",
        "Nearest",
        "logroot",
        "likelihood",
        "Moved signs",
    ):
        table.add_column(name)
    for layer in verdict.layers:
        shape = "x".join(map(str, layer.shape)) or "1"
        if layer.status != "fitted":
            table.add_row(layer.name, shape, "-", "-", f"{layer.status}: {layer.reason}")
            continue
        low, high = layer.interval
        table.add_row(
            layer.name,
            shape,
            f"{layer.index:.2f}",
            f"{low:.2f} to {high:.2f}",
            layer.nearest,
            f"{layer.logroot:.2f}",
            f"{layer.likelihood:.2f}",
            str(layer.moved_signs),
        )
    return table
