"""What switches hold against what the journal says."""

from __future__ import annotations

from controllers.dataplane.lsr import LsrRenderer
from controllers.underlay.transport import Hop, TransportLabel
from testbed.experiments.checking import as_json, compare, rendered
from testbed.experiments.invariants import Violation
from testbed.experiments.invariants.check import Kind

HOP = Hop(1, 0x0A0000000001, 0x0A0000000002, (16002,))


def test_a_journal_that_is_right_and_one_that_is_wrong() -> None:
    label = TransportLabel(16002, (HOP,))
    said = rendered(LsrRenderer(), {label.key: label})
    assert compare(said, dict(said)) == []
    (entry,) = [key for key in said if key[0] == "incoming_label"]
    there = {key: entity for key, entity in said.items() if key != entry}
    (line,) = compare(said, there)
    assert line.startswith("lacks TableEntry(table='incoming_label'")
    (line,) = compare(there, said)
    assert line.startswith("has, unasked, TableEntry(table='incoming_label'")
    other = TransportLabel(16002, (Hop(2, HOP.source_mac, HOP.destination_mac, HOP.labels),))
    changed = rendered(LsrRenderer(), {other.key: other})
    assert any(" was written" in line for line in compare(said, changed))


def test_a_violation_in_json() -> None:
    broken = Violation(Kind.BLACK_HOLE, "a", "b", 10.0, 10.25, ("pe1", "pe2"))
    assert as_json(broken, 9.0) == {
        "kind": "black-hole",
        "source": "a",
        "destination": "b",
        "version": 4,
        "start_ms": 1000.0,
        "ms": 250.0,
        "pes": ["pe1", "pe2"],
    }
