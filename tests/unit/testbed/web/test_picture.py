"""Pictures that a page asks for."""

from __future__ import annotations

import contextlib
import json
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from testbed.lab.errors import LabError
from testbed.model.load import load_plan
from testbed.resources import topology
from testbed.web.picture import picture

PLAN = load_plan(topology("wan"))
NAMES = st.sampled_from([*PLAN.switches, *PLAN.machines, "nobody", "<b>"])
WAYS = st.fixed_dictionaries(
    {
        "source": NAMES,
        "target": NAMES,
        "nodes": st.lists(NAMES, max_size=5),
        "trombone": st.booleans(),
        "back": st.booleans(),
    }
)
PICTURES = st.fixed_dictionaries({"at": st.dictionaries(NAMES, NAMES), "ways": st.lists(WAYS, max_size=3)})


@given(st.one_of(PICTURES.map(lambda asked: json.dumps(asked).encode()), st.binary()))
def test_whatever_is_asked_it_is_drawn_or_refused(asked: bytes) -> None:
    with contextlib.suppress(LabError):
        ET.fromstring(picture(PLAN, asked))


def test_a_trombone_is_flagged() -> None:
    nodes = ["acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2"]
    way = {"source": "client", "target": "vm1", "nodes": nodes, "trombone": True, "back": False}
    drawn = picture(PLAN, json.dumps({"at": {"vm1": "dc2"}, "ways": [way]}).encode())
    (flag,) = ET.fromstring(drawn).findall(".//{*}g[@class='trombone']")
    assert flag.get("data-name") == "pe1"
