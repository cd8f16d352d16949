"""Synapse records for the lockstep kernel, as vectors of the machine.

A record is four doubles, {P, M, S, w*}: half a cache line, so that a spike touches one line. What
spikes add up (of a lane, or of a lane's class) stands in the same form, so that a spike is two
loads, an addition, a multiplication and two stores of vectors of four. The scalars of the neuron
stand in rows over lanes instead. The functions here go from one form to the other, eight at a time
(four, where there are only four lanes); LLVM's loop vectoriser makes neither of them.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.arrayobj import make_array

from steepest.machine import compiled
from steepest.spiking._random import builtin

DOUBLE, INDEX = ir.DoubleType(), ir.IntType(64)
EVEN, ODD = [0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]
ROWS_OF_SUMS = 6  # P, M, S, w*, how many, their gains


def _vector(width: int) -> ir.VectorType:
    return ir.VectorType(DOUBLE, width)


class _Vectors:
    """Loads, stores and shuffles of vectors of doubles, for the body of a function in IR."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.context, self.builder, self.arguments = context, builder, arguments
        self.kinds = signature.args

    def _place(self, array: int, index: Any, width: int) -> Any:
        data = make_array(self.kinds[array])(self.context, self.builder, self.arguments[array]).data
        place = self.builder.gep(data, [index])
        return self.builder.bitcast(place, _vector(width).as_pointer())

    def load(self, array: int, index: Any, width: int) -> Any:
        value = self.builder.load(self._place(array, index, width))
        value.align = 8
        return value

    def store(self, value: Any, array: int, index: Any) -> None:
        self.builder.store(value, self._place(array, index, value.type.count)).align = 8

    def pick(self, first: Any, second: Any, places: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
        return self.builder.shuffle_vector(first, second, mask)

    def repeat(self, scalar: Any, width: int) -> Any:
        nothing = ir.Constant(_vector(width), ir.Undefined)
        zero = ir.Constant(ir.IntType(32), 0)
        return self.pick(self.builder.insert_element(nothing, scalar, zero), nothing, [0] * width)

    def plus(self, index: Any, offset: int) -> Any:
        return self.builder.add(index, ir.Constant(INDEX, offset))

    def fused(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c, in one rounding where the machine can."""
        product = self.builder.fmul(a, b, flags=("contract",))
        return self.builder.fadd(product, c, flags=("contract",))

    def zeros(self, width: int) -> Any:
        return ir.Constant(_vector(width), [0.0] * width)


@builtin
def move_record(typing_context, records, sums, changes, gain, row, slot):
    """Add record `row` to `sums` at `slot`, and `gain` times the change at `slot` to the record.

    `sums` holds 8 doubles a slot: a record, how many there were, their gains, and two unused.
    """

    def codegen(context, builder, signature, arguments):
        vectors = _Vectors(context, builder, signature, arguments)
        four, eight = ir.Constant(INDEX, 4), ir.Constant(INDEX, 8)
        at = builder.mul(arguments[4], four)
        place = builder.mul(arguments[5], eight)
        change = builder.mul(arguments[5], four)
        record = vectors.load(0, at, 4)
        total = builder.fadd(vectors.load(1, place, 4), record)
        moved = vectors.fused(vectors.repeat(arguments[3], 4), vectors.load(2, change, 4), record)
        one = ir.Constant(_vector(2), [1.0, 1.0])
        number = builder.insert_element(one, arguments[3], ir.Constant(ir.IntType(32), 1))
        beside = vectors.plus(place, 4)
        count = builder.fadd(vectors.load(1, beside, 2), number)
        vectors.store(total, 1, place)
        vectors.store(count, 1, beside)
        vectors.store(moved, 0, at)
        return context.get_dummy_value()

    signature = types.void(records, sums, changes, types.float64, types.uint64, types.uint64)
    return signature, codegen


@builtin
def prefetch_record(typing_context, records, row):
    """Bring record `row` into the cache for writing."""

    def codegen(context, builder, signature, arguments):
        vectors = _Vectors(context, builder, signature, arguments)
        at = builder.mul(arguments[1], ir.Constant(INDEX, 4))
        place = vectors._place(0, at, 4)
        kind = ir.IntType(32)
        called = ir.FunctionType(ir.VoidType(), [place.type, kind, kind, kind])
        function = cgutils.get_or_insert_function(builder.module, called, "llvm.prefetch.p0")
        builder.call(function, [place, *(ir.Constant(kind, k) for k in (1, 3, 1))])
        return context.get_dummy_value()

    return types.void(records, types.uint64), codegen


def _width(lanes: Any) -> int:
    return min(8, lanes.count)


@builtin
def take_sums(typing_context, lanes, sums, rows, slot, first, stride):
    """Move the sums of 8 slots (4 of 4 lanes) from `slot` on to `rows`, and clear them.

    Row k of the six begins at `first` + k `stride`.
    """

    def codegen(context, builder, signature, arguments):
        vectors = _Vectors(context, builder, signature, arguments)
        width = _width(lanes)
        begin = builder.mul(arguments[3], ir.Constant(INDEX, 8))
        slots = [vectors.load(1, vectors.plus(begin, 8 * k), 8) for k in range(width)]
        # A transposition in rounds of pairs.
        pairs = [
            (vectors.pick(a, b, EVEN), vectors.pick(a, b, ODD))
            for a, b in zip(slots[::2], slots[1::2], strict=True)
        ]
        for k in range(ROWS_OF_SUMS):
            mine = [pair[k % 2] for pair in pairs]
            at = k - k % 2
            halves = [
                vectors.pick(a, b, [at, at + 1, 8 + at, 9 + at])
                for a, b in zip(mine[::2], mine[1::2], strict=True)
            ]
            row = halves[0]
            if len(halves) == 2:
                row = vectors.pick(halves[0], halves[1], list(range(8)))
            offset = builder.mul(arguments[5], ir.Constant(INDEX, k))
            vectors.store(row, 2, builder.add(builder.add(arguments[4], offset), arguments[3]))
        for k in range(width):
            vectors.store(vectors.zeros(8), 1, vectors.plus(begin, 8 * k))
        return context.get_dummy_value()

    signature = types.void(lanes, sums, rows, types.int64, types.int64, types.int64)
    return signature, codegen


@builtin
def put_changes(typing_context, lanes, rows, changes, slot, first, change_m, change_s):
    """Write the changes {row, change_m, change_s, 0} of 8 slots (4 of 4 lanes) from `slot` on.

    The row of what spikes add to P begins at `first`.
    """

    def codegen(context, builder, signature, arguments):
        vectors = _Vectors(context, builder, signature, arguments)
        width = _width(lanes)
        row = vectors.load(1, builder.add(arguments[4], arguments[3]), width)
        rest = vectors.zeros(width)
        for k, argument in ((1, 5), (2, 6)):
            rest = builder.insert_element(rest, arguments[argument], ir.Constant(ir.IntType(32), k))
        begin = builder.mul(arguments[3], ir.Constant(INDEX, 4))
        for k in range(0, width, 2):
            a, b, c, zero = width + 1, width + 2, width + 3, width
            both = vectors.pick(row, rest, [k, a, b, zero, k + 1, a, b, c])
            vectors.store(both, 2, vectors.plus(begin, 4 * k))
        return context.get_dummy_value()

    signature = types.void(
        lanes, rows, changes, types.int64, types.int64, types.float64, types.float64
    )
    return signature, codegen


@builtin
def rebase_eight(typing_context, records, sums, row, scales):
    """Bring 8 records from `row` on up to date; add the weights and their squares to `sums` (16,).

    `scales` are L, L A, L B, L U, a^j and b^j: P becomes L P + L A M - L B S - L U.
    """

    def codegen(context, builder, signature, arguments):
        vectors = _Vectors(context, builder, signature, arguments)
        begin = builder.mul(arguments[2], ir.Constant(INDEX, 4))
        pairs = [vectors.load(0, vectors.plus(begin, 8 * k), 8) for k in range(4)]
        ps = [vectors.pick(pairs[k], pairs[k + 1], EVEN) for k in (0, 2)]
        mw = [vectors.pick(pairs[k], pairs[k + 1], ODD) for k in (0, 2)]
        front, back = [0, 1, 4, 5, 8, 9, 12, 13], [2, 3, 6, 7, 10, 11, 14, 15]
        p, s = vectors.pick(*ps, front), vectors.pick(*ps, back)
        m, w = vectors.pick(*mw, front), vectors.pick(*mw, back)
        scales = [vectors.repeat(builder.extract_value(arguments[3], k), 8) for k in range(6)]
        big_l, big_a, big_b, big_u, aj, bj = scales
        contract = {"flags": ("contract",)}
        change = vectors.fused(m, big_a, builder.fneg(builder.fmul(s, big_b, **contract)))
        p = builder.fsub(vectors.fused(p, big_l, change), big_u, **contract)
        m, s = builder.fmul(m, aj), builder.fmul(s, bj)
        zero, eight = ir.Constant(INDEX, 0), ir.Constant(INDEX, 8)
        vectors.store(builder.fadd(vectors.load(1, zero, 8), p), 1, zero)
        vectors.store(vectors.fused(p, p, vectors.load(1, eight, 8)), 1, eight)
        for half, places in ((0, [0, 1, 8, 9, 2, 3, 10, 11]), (2, [4, 5, 12, 13, 6, 7, 14, 15])):
            even, odd = vectors.pick(p, s, places), vectors.pick(m, w, places)
            for k, alternate in ((0, EVEN), (1, ODD)):
                both = vectors.pick(even, odd, alternate)
                vectors.store(both, 0, vectors.plus(begin, 8 * (half + k)))
        return context.get_dummy_value()

    signature = types.void(records, sums, types.int64, types.UniTuple(types.float64, 6))
    return signature, codegen


@compiled()
def rebase_class(records, first, last, big_l, big_a, big_b, big_u, aj, bj, sums):
    """Bring records `first` to `last` - 1 up to date; the sums of the weights and their squares.

    `sums` (16,) is room for vectors of them.
    """
    scales = (big_l, big_l * big_a, big_l * big_b, big_l * big_u, aj, bj)
    sums[:] = 0.0
    row = first
    while row + 8 <= last:
        rebase_eight(records, sums, row, scales)
        row += 8
    total = 0.0
    square = 0.0
    for k in range(8):
        total += sums[k]
        square += sums[8 + k]
    for i in range(row, last):
        p, m, s = records[i, 0], records[i, 1], records[i, 2]
        p = big_l * (p + (m * big_a - s * big_b) - big_u)
        total += p
        square += p * p
        records[i, 0] = p
        records[i, 1] = m * aj
        records[i, 2] = s * bj
    return total, square
