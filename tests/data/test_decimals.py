"""Plain decimals are the floats that Python reads, and all else is left to others."""

import numpy as np

from steepest.data.decimals import plain_decimals

RNG = np.random.default_rng(0)
ODD = [
    "",
    "-",
    ".",
    "-.",
    "..",
    "1..2",
    "1.2.3",
    "--1",
    "1-",
    "+1",
    "1e3",
    "nan",
    "1 2",
    "1_0",
    "1,5",
]
EDGES = ["-0", "-0.0", "5.", ".5", "-.5", "00012.50", "99999999", "-9999999.9", ".00000001", "0"]
LONG = ["123456789", "1234.56789", "0.123456789", "1" * 40, "1." + "0" * 30]


def read(cells):
    text = ",".join([*cells, ""]).encode()
    lengths = np.array([len(cell) for cell in cells])
    starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
    words = np.ndarray(len(text) + 10, "<u8", text + bytes(17), strides=(1,))
    return plain_decimals(words, starts, lengths)


def test_up_to_eight_digits_are_the_nearest_float_with_its_sign():
    digits = ["".join(map(str, RNG.integers(0, 10, RNG.integers(1, 9)))) for _ in range(20_000)]
    points = RNG.integers(0, 8, len(digits))
    pointed = [
        f"{d[:at]}.{d[at:]}" if at <= len(d) else d for d, at in zip(digits, points, strict=True)
    ]
    cells = [f"-{cell}" if at % 3 == 0 else cell for at, cell in enumerate(pointed)] + EDGES
    numbers, plain = read(cells)
    expected = np.array([float(cell) for cell in cells])
    assert plain.all()
    np.testing.assert_array_equal(numbers, expected)
    np.testing.assert_array_equal(np.signbit(numbers), np.signbit(expected))


def test_what_is_no_plain_decimal_is_left_to_others_whatever_stands_beside_it():
    cells = [*ODD, *LONG]
    assert not read(cells)[1].any()
    mixed = [cell for odd in cells for cell in ("1.5", odd)]
    numbers, plain = read(mixed)
    assert plain[::2].all()
    assert not plain[1::2].any()
    assert (numbers[::2] == 1.5).all()
