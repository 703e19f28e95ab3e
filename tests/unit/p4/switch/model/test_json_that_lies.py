"""bmv2 JSON: what is right is read, what lies is refused in one line, and nothing crashes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed.p4.compiler.compile import compile_program
from testbed.p4.switch.model import ModelError, Table, parse_program
from testbed.p4.switch.reference import ReferenceTarget

PROGRAM = Path(__file__).parents[1] / "p4runtime" / "everything.p4"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return compile_program(PROGRAM).json


def table(document: dict[str, Any], name: str) -> Table:
    program = parse_program(json.dumps(document))
    return next(t for t in program.tables if t.name.endswith("." + name))


def test_what_is_read(document: dict[str, Any]) -> None:
    program = parse_program(json.dumps(document), "everything.json")
    assert program.source == "everything.json"
    acl = table(document, "acl")
    assert [(f.kind, f.width) for f in acl.key] == [("ternary", 32), ("ternary", 8), ("exact", 1)]
    assert acl.max_size == 64
    fixed = table(document, "fixed_table")
    assert fixed.immutable
    assert [(op.handle, op.key) for op in fixed.entries] == [(0, b"\x88\xcc"), (1, b"\x89\x42")]
    assert table(document, "smac").ageing
    assert table(document, "dmac").counter is not None
    assert table(document, "dmac").meter is not None
    assert program.intrinsic("intrinsic_metadata.mcast_grp") is not None
    assert program.intrinsic("standard_metadata.nothing") is None
    assert program.errors.keys() >= {"NoError", "PacketTooShort", "ParserInvalidArgument"}


def lie(document: dict[str, Any], change: Any) -> str:
    bent = copy.deepcopy(document)
    change(bent)
    with pytest.raises(ModelError) as caught:
        parse_program(json.dumps(bent), "p.json")
    message = str(caught.value)
    assert message.startswith("p.json: ")
    assert "\n" not in message
    return message


def test_messages_say_where_and_what(document: dict[str, Any]) -> None:
    def tables(d: dict[str, Any]) -> list[dict[str, Any]]:
        return [t for t in d["pipelines"][0]["tables"] if t["key"]]

    assert ".key[0].target[1]: header type" in lie(
        document, lambda d: tables(d)[0]["key"][0]["target"].__setitem__(1, "nobody")
    )
    assert "there is no header named 'x'" in lie(document, lambda d: d["deparsers"][0]["order"].append("x"))
    assert "format 2.99" in lie(document, lambda d: d["__meta__"].__setitem__("version", [2, 99]))
    assert "loops" in lie(document, _loop)
    assert "jumps go forward" in lie(
        document,
        lambda d: d["actions"][1]["primitives"].append(
            {"op": "_jump", "parameters": [{"type": "hexstr", "value": "0x0"}]}
        ),
    )
    assert "is not one this switch has" in lie(
        document, lambda d: d["actions"][1]["primitives"].append({"op": "fly", "parameters": []})
    )
    assert "'action_ids' is missing" in lie(document, lambda d: tables(d)[0].pop("action_ids"))


def _loop(document: dict[str, Any]) -> None:
    """Let the first table of ingress follow itself."""
    first = document["pipelines"][0]["init_table"]
    for node in document["pipelines"][0]["tables"]:
        node["next_tables"] = dict.fromkeys(node["next_tables"], first)
        node["base_default_next"] = first
    for node in document["pipelines"][0]["conditionals"]:
        node["true_next"] = node["false_next"] = first


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '"x"', "[" * 100_000, "\ud800", "{}"])
def test_what_is_no_program(text: str) -> None:
    with pytest.raises(ModelError):
        parse_program(text.encode("utf-8", "surrogatepass"), "p.json")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to everything in a document."""
    places = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        places += _places(item, (*path, key))
    return places


JUNK = st.one_of(
    st.integers(-3, 2**70),
    st.text(max_size=3),
    st.sampled_from([None, True, False, "0x", "-0xff", "0x" + "f" * 40]),
    st.sampled_from(["scalars", "standard_metadata", "ipv4", "exact", "lpm"]),
    st.builds(list),
    st.builds(dict),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_bent_documents(document: dict[str, Any], data: st.DataObject) -> None:
    """One to three values replaced, removed or repeated: refused, or run without a crash."""
    bent = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(_places(bent)))
        parent = bent
        for key in way:
            parent = parent[key]
        kind = data.draw(st.integers(0, 3))
        if kind == 0:
            del parent[last]
        elif kind == 1 and isinstance(parent, list):
            parent.append(parent[last])
        elif kind == 2 and isinstance(parent[last], int) and not isinstance(parent[last], bool):
            parent[last] += data.draw(st.integers(-2, 2))
        else:
            parent[last] = data.draw(JUNK)
    try:
        program = parse_program(json.dumps(bent))
    except ModelError as error:
        assert "\n" not in str(error)
        return
    target = ReferenceTarget()
    target.load(program)
    for frame in (b"", bytes(14), bytes(12) + b"\x08\x00" + bytes(30)):
        target.inject(1, frame)
        target.inject(510, frame)
    target.close()
