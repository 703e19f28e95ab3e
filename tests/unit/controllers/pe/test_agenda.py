"""Promises: each task once, in order of time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controllers.pe.agenda import Agenda


def test_a_task_is_there_once() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.schedule("a", 5.0)
    agenda.schedule("b", 3.0)
    agenda.schedule("a", 1.0)
    assert agenda.next_time() == 1.0
    agenda.cancel("a")
    assert agenda.next_time() == 3.0
    assert agenda.due(10.0) == ["b"]
    assert agenda.next_time() is None


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 10), st.booleans())), st.floats(0, 10))
def test_like_a_dictionary(steps: list[tuple[int, float, bool]], now: float) -> None:
    agenda: Agenda[int] = Agenda()
    model: dict[int, float] = {}
    for task, at, cancelled in steps:
        if cancelled:
            agenda.cancel(task)
            model.pop(task, None)
        else:
            agenda.schedule(task, at)
            model[task] = at
    assert agenda.next_time() == min(model.values(), default=None)
    done = agenda.due(now)
    assert sorted(done) == sorted(task for task, at in model.items() if at <= now)
    assert [model[task] for task in done] == sorted(model[task] for task in done)
