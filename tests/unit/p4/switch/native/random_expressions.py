"""Random headers and expressions for `random_programs`."""

from __future__ import annotations

from random import Random
from typing import Any

Json = dict[str, Any]

WIDTHS = (1, 3, 4, 7, 8, 9, 12, 13, 16, 20, 24, 31, 32, 33, 48, 63, 64, 65, 96, 127, 128, 130, 200, 256)
STANDARD = (
    ("ingress_port", 9), ("egress_spec", 9), ("egress_port", 9), ("instance_type", 32), ("packet_length", 32),
    ("enq_timestamp", 32), ("enq_qdepth", 19), ("deq_timedelta", 32), ("deq_qdepth", 19),
    ("ingress_global_timestamp", 48), ("egress_global_timestamp", 48), ("mcast_grp", 16), ("egress_rid", 16),
    ("checksum_error", 1), ("parser_error", 32), ("priority", 3), ("_padding", 4),
)  # fmt: skip
ALIASES = {
    "intrinsic_metadata": ("ingress_global_timestamp", "egress_global_timestamp", "mcast_grp", "egress_rid"),
    "queueing_metadata": ("enq_timestamp", "enq_qdepth", "deq_timedelta", "deq_qdepth"),
}
ETHERNET = "ethernet"


def field(header: str, name: str) -> Json:
    """A field as an expression."""
    return {"type": "field", "value": [header, name]}


def const(value: int) -> Json:
    """An integer as an expression."""
    return {"type": "hexstr", "value": hex(value)}


def operation(op: str, left: Json | None, right: Json | None, cond: Json | None = None) -> Json:
    """An operation as an expression."""
    value = {"op": op, "left": left, "right": right}
    if cond is not None:
        value["cond"] = cond
    return {"type": "expression", "value": value}


def call(op: str, *parameters: Json) -> Json:
    """A primitive, or an operation of the parser."""
    return {"op": op, "parameters": list(parameters)}


def named(kind: str, name: str) -> Json:
    """A thing by its name."""
    return {"type": kind, "value": name}


class ExpressionMaker:
    """Headers of one program, and expressions over them."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.types: list[Json] = []
        self.headers: list[Json] = []
        self.fields: list[tuple[str, str]] = []
        """Plain fields there are, as (header, field)."""
        self.ids = 0

    def id(self) -> int:
        """A fresh id."""
        self.ids += 1
        return self.ids

    # -- headers ---------------------------------------------------------------------------------------------

    def header_type(self, name: str, *, metadata: bool = False, varbit: bool = False) -> None:
        """A type with random fields, whole bytes in all unless metadata."""
        fields: list[list[Any]] = []
        total = 0
        for i in range(self.rng.randint(1, 6)):
            width = self.rng.choice(WIDTHS)
            signed = width > 1 and self.rng.random() < 0.15
            fields.append([f"f{i}", width, signed])
            if metadata and self.rng.random() < 0.15:
                fields[-1].append(True)
            total += width
        if not metadata and total % 8:
            fields.append(["pad", 8 - total % 8, False])
        if varbit:
            fields.insert(self.rng.randint(0, len(fields)), ["options", "*"])
        entry = {"name": name, "id": self.id(), "fields": fields}
        if varbit:
            entry["max_length"] = sum(f[1] for f in fields if f[1] != "*") // 8 + 20
        self.types.append(entry)

    def header(self, name: str, type_name: str, *, metadata: bool = False, usable: bool = True) -> int:
        """An instance."""
        position = len(self.headers)
        self.headers.append({"name": name, "id": position, "header_type": type_name, "metadata": metadata})
        fields = next(t["fields"] for t in self.types if t["name"] == type_name)
        if usable:
            self.fields += [(name, f[0]) for f in fields if f[1] != "*" and not f[0].startswith("_")]
        return position

    def make_headers(self) -> Json:
        """All of them, with a stack, a union and a stack of unions."""
        self.types.append(
            {
                "name": "ethernet_t",
                "id": self.id(),
                "fields": [["dst", 48, False], ["src", 48, False], ["kind", 16, False]],
            }
        )
        self.types.append(
            {"name": "standard_t", "id": self.id(), "fields": [[n, w, False] for n, w in STANDARD]}
        )
        for name in ("a_t", "b_t"):
            self.header_type(name)
        self.header_type("v_t", varbit=True)
        self.header_type("m_t", metadata=True)
        self.header("standard_metadata", "standard_t", metadata=True, usable=False)
        self.fields += [
            ("standard_metadata", n) for n in ("ingress_port", "packet_length", "parser_error", "egress_rid")
        ]
        self.header("meta", "m_t", metadata=True)
        self.header(ETHERNET, "ethernet_t")
        self.header("a", "a_t")
        self.header("b", "b_t")
        self.header("v", "v_t")
        self.header("v2", "v_t")
        stack = [self.header(f"s[{i}]", "b_t") for i in range(3)]
        union = [self.header("u.x", "a_t"), self.header("u.y", "b_t")]
        pairs = [[self.header(f"us[{i}].{m}", t) for m, t in (("x", "a_t"), ("y", "b_t"))] for i in range(2)]
        return {
            "header_types": self.types,
            "headers": self.headers,
            "header_stacks": [{"name": "s", "id": 0, "header_type": "b_t", "header_ids": stack}],
            "header_union_types": [{"name": "u_t", "id": 0, "headers": [["x", "a_t"], ["y", "b_t"]]}],
            "header_unions": [
                {"name": "u", "id": 0, "union_type": "u_t", "header_ids": union},
                *(
                    {"name": f"us[{i}]", "id": 1 + i, "union_type": "u_t", "header_ids": pair}
                    for i, pair in enumerate(pairs)
                ),
            ],
            "header_union_stacks": [{"name": "us", "id": 0, "union_type": "u_t", "header_union_ids": [1, 2]}],
        }

    # -- expressions -----------------------------------------------------------------------------------------

    def any_field(self) -> Json:
        """A readable field."""
        return field(*self.rng.choice(self.fields))

    def number(self, depth: int, params: tuple[int, ...] = ()) -> Json:
        """An integer expression."""
        r = self.rng
        if depth <= 0 or r.random() < 0.2:
            return self.leaf(params)
        roll = r.random()
        if roll < 0.55:
            op = r.choice("+-*&|^")
            return operation(op, self.number(depth - 1, params), self.number(depth - 1, params))
        if roll < 0.65:
            op = r.choice(["<<", ">>"])
            shift = const(r.choice([0, 1, 7, 31, 64, 100])) if r.random() < 0.7 else self.small()
            return operation(op, self.number(depth - 1, params), shift)
        if roll < 0.72:
            return operation(r.choice("/%"), self.number(depth - 1, params), self.number(depth - 1, params))
        if roll < 0.82:
            op = r.choice(["two_comp_mod", "sat_cast", "usat_cast"])
            return operation(
                op, self.number(depth - 1, params), const(r.choice([2, 7, 8, 16, 33, 64, 100, 128, 200]))
            )
        if roll < 0.88:
            return operation("~", None, self.number(depth - 1, params))
        if roll < 0.94:
            return operation(
                "?",
                self.number(depth - 1, params),
                self.number(depth - 1, params),
                self.truth(depth - 1, params),
            )
        return operation("b2d", None, self.truth(depth - 1, params))

    def small(self) -> Json:
        """A value within 0 and 255, not constant."""
        return operation("&", self.any_field(), const(255))

    def leaf(self, params: tuple[int, ...]) -> Json:
        """A field, a constant, runtime data ..."""
        r = self.rng
        roll = r.random()
        if params and roll < 0.3:
            return {"type": "local", "value": r.randrange(len(params))}
        if roll < 0.75:
            return self.any_field()
        if roll < 0.8:
            return {"type": "stack_field", "value": ["s", "f0"]}
        if roll < 0.84:
            return {
                "type": "register",
                "value": [r.choice(["r0", "r1"]), operation("&", self.any_field(), const(7))],
            }
        if roll < 0.88:
            return self.item_field()
        if roll < 0.9:
            op = r.choice(["size_stack", "last_stack_index"])
            return operation(op, None, {"type": "header_stack", "value": "s"})
        width = r.choice(WIDTHS)
        return const(r.getrandbits(width) * r.choice([1, 1, 1, -1]))

    def item_field(self) -> Json:
        """A field of a stack element, whose index may be wrong."""
        index = operation("&", self.any_field(), const(3))
        item = operation("dereference_header_stack", {"type": "header_stack", "value": "s"}, index)
        value = {"op": "access_field", "left": item, "right": 0}
        return {"type": "expression", "value": value}

    def truth(self, depth: int, params: tuple[int, ...] = ()) -> Json:
        """A condition."""
        r = self.rng
        roll = r.random()
        if depth <= 0 or roll < 0.2:
            valid = {"type": "header", "value": r.choice([ETHERNET, "a", "b", "v", "u.x", "s[1]"])}
            return operation("valid", None, valid)
        if roll < 0.7:
            op = r.choice(["==", "!=", "<", "<=", ">", ">="])
            return operation(op, self.number(depth - 1, params), self.number(depth - 1, params))
        if roll < 0.75:
            pair = r.choice([("b", "s[0]"), ("a", "u.x"), ("v", "v2")])
            left, right = ({"type": "header", "value": h} for h in pair)
            return operation(r.choice(["==", "!="]), left, right)
        if roll < 0.78:
            return operation("valid_union", None, {"type": "header_union", "value": "u"})
        if roll < 0.85:
            return operation("not", None, self.truth(depth - 1, params))
        return operation(
            r.choice(["and", "or"]), self.truth(depth - 1, params), self.truth(depth - 1, params)
        )
