import pytest

from llm_tools.budget import Budget, Meter
from retriever.errors import InputError


def test_no_budget_never_ends():
    meter = Meter()
    assert all(meter.begin_call() for _ in range(1000)) and meter.stop_reason is None


def test_calls_are_counted_when_they_begin():
    meter = Meter(Budget(max_calls=2))
    assert [meter.begin_call() for _ in range(3)] == [True, True, False]
    assert meter.calls == 2 and meter.stop_reason == "max_calls 2 reached"


def test_calls_in_flight_are_charged_at_the_average():
    meter = Meter(Budget(max_tokens=35))
    assert meter.begin_call()  # nothing known yet: 1 token expected
    meter.end_call(7, 3)  # average 10, used 10
    assert meter.begin_call()  # 10 used + 10 for this one = 20
    assert meter.begin_call()  # 10 used + 10 in flight + 10 = 30
    assert not meter.begin_call()  # 40 > 35
    assert meter.stop_reason == "max_tokens 35 reached"


def test_time_runs_out():
    meter = Meter(Budget(max_minutes=1.0))
    assert meter.begin_call()
    meter.began -= 60
    assert not meter.begin_call() and meter.stop_reason == "max_minutes 1 reached"


@pytest.mark.parametrize("budget", [Budget(max_calls=0), Budget(max_tokens=0), Budget(max_minutes=0)])
def test_zero_means_none_at_all(budget):
    assert not Meter(budget).begin_call()


def test_the_first_reason_to_stop_stays():
    meter = Meter()
    meter.stop("one")
    meter.stop("two")
    assert meter.stop_reason == "one" and not meter.begin_call()


def test_a_negative_bound_is_refused():
    with pytest.raises(InputError, match="max_calls is -1"):
        Budget(max_calls=-1)
