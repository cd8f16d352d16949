"""One differential equation, adaptively: recorded at the times asked for, and where it ended."""

from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

__all__ = ["Solution", "solve_recorded"]


class Solution(NamedTuple):
    """Times and states as recorded (infinite after an early end), and the end of the solution.

    `ok`: the end is the last time, or where an event stopped it (`stopped`).
    """

    times: Float[Array, " m"]
    states: Float[Array, "m n"]
    end_time: Float[Array, ""]
    end: Float[Array, " n"]
    steps: Int[Array, ""]
    ok: Bool[Array, ""]
    stopped: Bool[Array, ""]


def solve_recorded(
    velocity: Callable[[Array], Array],
    solver: diffrax.AbstractAdaptiveSolver,
    start: Float[Array, " n"],
    times: Float[Array, " m"],
    *,
    rtol: Any,
    atol: Any,
    max_steps: int,
    event: diffrax.Event | None = None,
) -> Solution:
    """Solve dx/dt = velocity(x) from `start` at time 0 to the last of `times`: a kernel.

    Never raises: a solver that gives up, even where diffrax calls that a success, is not `ok`.
    """
    # The solver asks for it at many places: it is traced once, and inlined there.
    once = jax.jit(velocity, inline=True)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, state, args: once(state)),
        solver,
        t0=jnp.zeros_like(times[-1]),
        t1=times[-1],
        dt0=None,
        y0=start,
        saveat=diffrax.SaveAt(subs=[diffrax.SubSaveAt(ts=times), diffrax.SubSaveAt(t1=True)]),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
        event=event,
        # Nothing is differentiated backwards here: a plain loop compiles faster.
        adjoint=diffrax.ForwardMode(),
        max_steps=max_steps,
        throw=False,
    )
    assert solution.ts is not None
    assert solution.ys is not None
    (reached, last), (states, ends) = solution.ts, solution.ys
    stopped = solution.result == diffrax.RESULTS.event_occurred
    arrived = (solution.result == diffrax.RESULTS.successful) & (last[0] == times[-1])
    steps = jnp.asarray(solution.stats["num_steps"])
    return Solution(reached, states, last[0], ends[0], steps, stopped | arrived, stopped)
