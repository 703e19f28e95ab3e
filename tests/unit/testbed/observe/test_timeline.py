"""The timeline."""

from __future__ import annotations

from testbed.observe.timeline import Event, Timeline


def test_events_by_time_and_for_listeners() -> None:
    moments = iter([5.0, 6.0])
    timeline, heard = Timeline(lambda: next(moments)), list[Event]()
    end = timeline.listen(heard.append)
    timeline.stamp("resumed", "vm1", slot="dc2")
    timeline.stamp("paused", "vm1", t=4.9)
    end()
    timeline.stamp("learned", "pe2")
    assert [event.event for event in timeline.events] == ["paused", "resumed", "learned"]
    assert [event.event for event in heard] == ["resumed", "paused"]
    assert [event.event for event in timeline.between(5.0, 6.0)] == ["resumed", "learned"]
    assert timeline.as_json(4.9)[1] == {
        "t_ms": 100.0,
        "event": "resumed",
        "node": "vm1",
        "details": {"slot": "dc2"},
    }
