"""What the machine is asked."""

from steepest import machine


def test_as_many_cores_as_the_process_may_use_also_where_the_system_does_not_say(monkeypatch):
    assert machine.cores() >= 1
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 6)
    assert machine.cores() == 6
    monkeypatch.setattr(machine.os, "cpu_count", lambda: None)
    assert machine.cores() == 1


def test_compiled_functions_divide_as_numpy_does():
    @machine.compiled()
    def inverse(x):
        return 1.0 / x

    assert inverse(0.0) == float("inf")
    assert inverse(4.0) == 0.25
