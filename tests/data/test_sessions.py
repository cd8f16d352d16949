"""Sessions are put in order by numbers, dates or as they are told, and by nothing else."""

import pytest

from steepest.data.sessions import dates_of, numbers_in, ordered
from steepest.errors import DataError


@pytest.mark.parametrize(
    ("labels", "places", "days"),
    [
        (["2", "-15", "10", "-5"], [1, 3, 0, 2], None),
        (["day10", "day9", "day 11".replace(" ", "")], [1, 0, 2], None),
        (["day-2", "day-10"], [0, 1], None),
        (["day-2", "day10", "day-10"], [2, 0, 1], None),
        (["s1 (µm3)", "s0 (µm3)"], [1, 0], None),
        (["2019-06-24", "2019-06-20", "2019-07-02"], [1, 0, 2], [0, 4, 12]),
        (["2.1.2020", "31.12.2019"], [1, 0], [0, 2]),
        (["31.12.19", "1.1.20"], [0, 1], [0, 1]),
        (["20200102", "20191231"], [1, 0], [0, 2]),
        (["12/31/2019", "1/2/2020"], [0, 1], [0, 2]),
        (["31/12/2019", "2/1/2020"], [0, 1], [0, 2]),
        (["2019-06-20 12:00", "2019-06-20T18:00"], [0, 1], [0, 0.25]),
        (["2019-06-20 00:00:00", "2019-06-24 00:00:00"], [0, 1], [0, 4]),
    ],
)
def test_numbers_and_dates_order_themselves_and_only_dates_say_how_far_apart(labels, places, days):
    assert ordered(labels) == (places, days)


def test_an_order_that_is_told_holds_and_keeps_the_spacing_of_dates():
    assert ordered(["post", "pre"], ["pre", "post"]) == ([1, 0], None)
    assert ordered(["1", "2", "3"], ["2.0", "1", "3"]) == ([1, 0, 2], None)
    assert ordered(["2020-01-03", "2020-01-01"], ["2020-01-01", "2020-01-03"]) == ([1, 0], [0, 2])


@pytest.mark.parametrize(
    ("labels", "order", "says"),
    [
        (["post", "pre"], [], "names that say nothing about time.*--order pre post"),
        (["01/02/2019", "03/04/2020"], [], "the month may stand first or second.*--order"),
        (["day 1a", "day 2b"], [], "'day 1a', 'day 2b'"),
        (["1", "1.0"], [], "give their order"),
        (["pre", "post"], ["pre", "pots"], "--order names 'pots', and there are sessions 'pre'"),
        (["pre", "post"], ["pre"], "--order leaves out 'post'"),
        (["pre", "post"], ["pre", "pre", "post"], "names 'pre' twice"),
    ],
)
def test_names_without_an_order_say_what_to_add(labels, order, says):
    with pytest.raises(DataError, match=says):
        ordered(labels, order)


def test_what_is_no_date_or_no_number_is_none():
    assert dates_of(["2019-13-01"]) is None
    assert dates_of(["31.12.2019", "2019-12-31"]) is None
    assert dates_of([]) is None
    assert numbers_in(["a1b2", "a2b3"]) is None
    assert numbers_in(["before", "after"]) is None
