"""Sessions of a wide table are in order of time: by --times, by dates, by the numbers in names."""

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.inference.synapses.request import Request

SIZES = np.exp(np.random.default_rng(0).standard_normal((60, 4)))


@pytest.fixture
def measured(tmp_path):
    def measured(header, sessions, **options):
        path = tmp_path / "sizes.csv"
        lines = [",".join(["cell", *header])]
        lines += [f"c{at},{','.join(map(repr, row))}" for at, row in enumerate(SIZES.tolist())]
        path.write_text("\n".join(lines))
        return Request(sessions=tuple(sessions), **options).measurements(path)

    return measured


ORDERS = {
    "signs": (["-15", "-5", "2", "10"], {}, [0, 1, 2, 3]),
    "ISO dates": (["2019-06-20", "2019-06-24", "2019-07-02", "2019-07-03"], {}, [0, 4, 12, 13]),
    "European dates": (["30.12.2019", "31.12.2019", "1.1.2020", "9.1.2020"], {}, [0, 1, 2, 10]),
    "names": (["rest", "start", "mid", "end"], {}, [0, 1, 2, 3]),
    "times": (["d3", "d1", "d2", "d0"], {"times": (0.0, 2.0, 5.0, 9.0)}, [0, 2, 5, 9]),
}


@pytest.mark.parametrize("kind", ORDERS)
def test_the_order_is_understood_and_the_spacing_of_dates_is_used(kind, measured):
    header, options, times = ORDERS[kind]
    answer = measured(header, header, **options)
    np.testing.assert_allclose(answer.times, times)
    np.testing.assert_allclose(answer.log_sizes, np.log(SIZES))


def test_times_put_the_columns_in_order(measured):
    answer = measured(["b", "d", "a", "c"], ["b", "d", "a", "c"], times=(4.0, 9.0, 0.0, 8.0))
    assert answer.names == ("a", "b", "c", "d")
    assert answer.times.tolist() == [0, 4, 8, 9]
    np.testing.assert_allclose(answer.log_sizes, np.log(SIZES[:, [2, 0, 3, 1]]))


def test_columns_by_number_are_in_the_order_that_is_given(measured):
    answer = measured(["pre5", "pre10", "pre15", "a"], ["3", "2", "1", "4"])
    np.testing.assert_allclose(answer.log_sizes, np.log(SIZES[:, [2, 1, 0, 3]]))


@pytest.mark.parametrize(
    "names", [("2019-06-24", "2019-06-20", "2019-07-02"), ("2", "-15", "10"), ("d8", "d4", "d9")]
)
def test_names_in_another_order_are_refused(names, measured):
    with pytest.raises(DataError, match=f"'{names[1]}' comes after '{names[0]}'.*--times"):
        measured([*names, "x"], names)
