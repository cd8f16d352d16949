"""`steepest infer-layers`: which geometry trained a network?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from steepest.cli.options import ANSWER, Json, Seed
from steepest.cli.output import command_line, give

if TYPE_CHECKING:
    from steepest.report.answer import Answer

__all__ = ["command"]


def command(
    before: Annotated[Path, Parameter(help="Checkpoint before: torch, safetensors or NPZ.")],
    after: Annotated[Path, Parameter(help="Checkpoint after, of the same network.")],
    /,
    *,
    draws: Annotated[int, Parameter(help="Resamples of units for the intervals.")] = 200,
    seed: Seed = 0,
    out: Annotated[
        Path | None, Parameter(group=ANSWER, help="Folder for layers.html, .png, .csv and .json.")
    ] = None,
    json: Json = False,
) -> int:
    """Which geometry trained this network, layer by layer?

    Compares two checkpoints. The index is where a weight's dual change does not depend on its
    size once what it shares with its row and column is taken out: 0 is gradient descent, 1
    multiplicative. Torch files are read without running any code in them,
    safetensors a layer at a time, whatever their size.

    For example:

    ```
    steepest infer-layers before.pt after.pt
    steepest infer-layers before.npz after.npz --draws 500 --out layers
    ```
    """

    def make() -> "Answer":
        from steepest.data.checkpoints import open_checkpoint

        weights = open_checkpoint(before), open_checkpoint(after)
        from steepest.inference import infer_layers
        from steepest.report.layers import layers_answer

        verdict = infer_layers(*weights, draws=draws, seed=seed)
        return layers_answer(verdict, before=before.name, after=after.name)

    repeated = command_line("infer-layers", before, after, draws=draws, seed=seed)
    return give(make, repeated, out=out, json=json)
