"""Random bmv2 programs for differential tests, from a seed.

A program uses everything the switch has: odd field widths, signed and saturating fields, stacks, unions,
varbit, lookahead, masks and value sets in selects, expressions of any shape, all match kinds, selectors,
hashes, checksums, registers, counters, meters, digests, clones, multicast, resubmit and recirculate. What
would make it run for ever happens only to packets that were not cloned or sent round before.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from testbed.p4.switch.model import Program, parse_program
from tests.unit.p4.switch.native.random_expressions import (
    ALIASES,
    ETHERNET,
    WIDTHS,
    ExpressionMaker,
    Json,
    call,
    const,
    field,
    named,
    operation,
)

SESSIONS, GROUPS = (1, 2, 3), (1, 2, 3)
AGAIN = ("clone_egress_pkt_to_egress", "clone_ingress_pkt_to_egress", "recirculate", "resubmit")
ALGORITHMS = (
    "crc16", "crc32", "crcCCITT", "crc8_custom", "crc16_custom", "crc32_custom", "crc64_custom", "csum16",
    "xor16", "xor32", "identity", "random",
)  # fmt: skip


class ProgramMaker(ExpressionMaker):
    """Makes one program."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.actions: list[Json] = []
        self.calculations: list[Json] = []

    # -- actions ---------------------------------------------------------------------------------------------

    def primitive(self, params: tuple[int, ...], *, egress: bool) -> Json:
        """One call."""
        make = self.rng.choices(list(_PRIMITIVES), list(_PRIMITIVES.values()))[0]
        return make(self, params, egress)

    def assign(self, params: tuple[int, ...], _egress: bool) -> Json:
        """To a field or to an element of a stack."""
        target = self.any_field() if self.rng.random() < 0.9 else self.item_field()
        return call("assign", target, self.number(self.rng.randint(0, 3), params))

    def change_validity(self, _params: tuple[int, ...], _egress: bool) -> Json:
        """add_header or remove_header."""
        name = self.rng.choice(["a", "b", "v", "v2", "u.x", "u.y", "s[0]", "s[2]"])
        return call(self.rng.choice(["add_header", "remove_header"]), named("header", name))

    def copy_header(self, _params: tuple[int, ...], _egress: bool) -> Json:
        """Whole headers, or a varbit field."""
        pairs = [("b", "s[1]"), ("u.y", "b"), ("a", "u.x"), ("v2", "v"), None]
        pair = self.rng.choice(pairs)
        if pair is None:
            return call("assign_VL", field("v2", "options"), field("v", "options"))
        return call("assign_header", *(named("header", name) for name in pair))

    def shift_stack(self, _params: tuple[int, ...], _egress: bool) -> Json:
        """push or pop."""
        return call(
            self.rng.choice(["push", "pop"]), named("header_stack", "s"), const(self.rng.randint(0, 4))
        )

    def use_register(self, params: tuple[int, ...], _egress: bool) -> Json:
        """Read or write, perhaps outside."""
        register = named("register_array", self.rng.choice(["r0", "r1"]))
        index = operation("&", self.any_field(), const(7))
        if self.rng.random() < 0.5:
            return call("register_write", register, index, self.number(1, params))
        return call("register_read", self.any_field(), register, index)

    def meter_or_count(self, _params: tuple[int, ...], _egress: bool) -> Json:
        """A counter, or a meter."""
        if self.rng.random() < 0.6:
            index = operation("&", self.any_field(), const(7))
            return call("count", named("counter_array", "c0"), index)
        index = operation("&", self.any_field(), const(3))
        return call("execute_meter", named("meter_array", "m0"), index, self.any_field())

    def hash(self, _params: tuple[int, ...], _egress: bool) -> Json:
        """A hash of any size."""
        calculation = named("calculation", self.rng.choice(self.calculations)["name"])
        base, size = const(self.rng.randint(0, 9)), const(self.rng.choice([0, 1, 8, 1000, 1 << 32]))
        return call("modify_field_with_hash_based_offset", self.any_field(), base, calculation, size)

    def random(self, _params: tuple[int, ...], _egress: bool) -> Json:
        """A random number, sometimes of an empty interval."""
        low, high = const(self.rng.randint(0, 5)), const(self.rng.randint(3, 99))
        return call("modify_field_rng_uniform", self.any_field(), low, high)

    def destination(self, _params: tuple[int, ...], egress: bool) -> Json:
        """Where the packet goes, or that it does not."""
        choices = [
            call("assign", field("standard_metadata", "egress_spec"), const(self.rng.randint(0, 5))),
            call("assign", field("standard_metadata", "egress_spec"), const(self.rng.randint(0, 5))),
            call("assign", field("standard_metadata", "mcast_grp"), const(self.rng.choice(GROUPS))),
            call("truncate", const(self.rng.randint(1, 90))),
            call("exit"),
            call("mark_to_drop", named("header", "standard_metadata")),
        ]
        return self.rng.choice(choices)

    def copies(self, _params: tuple[int, ...], egress: bool) -> Json:
        """Digests, clones, and another round."""
        clone = "clone_egress_pkt_to_egress" if egress else "clone_ingress_pkt_to_egress"
        choices = [
            call("generate_digest", const(0), const(1)),
            call(clone, const(self.rng.choice(SESSIONS)), const(self.rng.randint(0, 2))),
            call("recirculate", const(1)) if egress else call("resubmit", const(1)),
        ]
        return self.rng.choice(choices)

    def action(self, name: str, *, egress: bool) -> int:
        """An action with params; what sends packets round runs for fresh packets only."""
        r = self.rng
        params = tuple(r.choice(WIDTHS) for _ in range(r.randint(0, 3)))
        primitives: list[Json] = []
        for _ in range(r.randint(1, 5)):
            primitive = self.primitive(params, egress=egress)
            again = primitive["op"] in AGAIN
            if again or r.random() < 0.15:
                fresh = operation("==", field("standard_metadata", "instance_type"), const(0))
                cond = fresh if again else self.truth(1, params)
                end = const(len(primitives) + 2)
                primitives.append({"op": "_jump_if_zero", "parameters": [cond, end]})
            primitives.append(primitive)
        data = [{"name": f"p{i}", "bitwidth": w} for i, w in enumerate(params)]
        position = len(self.actions)
        self.actions.append({"name": name, "id": position, "runtime_data": data, "primitives": primitives})
        return position

    # -- parser ----------------------------------------------------------------------------------------------

    def width_of(self, header: str, name: str) -> int:
        """Bits of a field."""
        type_name = next(h["header_type"] for h in self.headers if h["name"] == header)
        fields = next(t["fields"] for t in self.types if t["name"] == type_name)
        return int(next(f[1] for f in fields if f[0] == name))

    def transition(self, key: list[tuple[Json, int]], target: str | None) -> Json:
        """A case on random bits, few of them, so that it matches sometimes."""
        value, mask = "", ""
        for _, width in key:
            digits = (width + 7) // 8 * 2
            bits = self.rng.choice([0, 1, 1, 2]) if width > 1 else 1
            at = self.rng.randint(0, max(width - bits, 0))
            m = ((1 << bits) - 1) << at
            mask += f"{m:0{digits}x}"
            value += f"{self.rng.getrandbits(width) & m:0{digits}x}"
        return {"type": "hexstr", "value": "0x" + value, "mask": "0x" + mask, "next_state": target}

    def make_parser(self) -> Json:
        """start: Ethernet, then headers by bits of what was extracted; a loop over the stack."""
        r = self.rng
        extract = {
            h: {"op": "extract", "parameters": [{"type": "regular", "value": h}]}
            for h in ("a", "b", "u.x", "u.y")
        }
        names = ["a", "b", "v", "s", "u.x", "us", "look", "verify", "set"]
        states = []
        for i, name in enumerate(["start", *names]):
            ops: list[Json] = []
            key: list[tuple[Json, int]] = [({"type": "field", "value": [ETHERNET, "kind"]}, 16)]
            if name == "start":
                ops.append({"op": "extract", "parameters": [{"type": "regular", "value": ETHERNET}]})
            elif name in extract:
                ops.append(extract[name])
                if r.random() < 0.7:
                    key.append(({"type": "field", "value": [name, "f0"]}, self.width_of(name, "f0")))
            elif name == "v":
                length = operation("<<", operation("&", field(ETHERNET, "src"), const(15)), const(3))
                ops.append({"op": "extract_VL", "parameters": [{"type": "regular", "value": "v"}, length]})
            elif name == "s":
                ops.append({"op": "extract", "parameters": [{"type": "stack", "value": "s"}]})
                key.append(({"type": "stack_field", "value": ["s", "f0"]}, self.width_of("s[0]", "f0")))
            elif name == "us":
                ops.append(
                    {
                        "op": "extract",
                        "parameters": [{"type": "union_stack", "value": ["us", r.choice("xy")]}],
                    }
                )
            elif name == "look":
                width = r.choice([3, 8, 12, 16, 64, 72, 130])
                ops.append(
                    {
                        "op": "set",
                        "parameters": [
                            self.any_field(),
                            {"type": "lookahead", "value": [r.choice([0, 5]), width]},
                        ],
                    }
                )
                key.append(({"type": "lookahead", "value": [r.choice([0, 3]), 9]}, 9))
            elif name == "verify":
                ops.append({"op": "verify", "parameters": [self.truth(2), const(r.randint(1, 9))]})
                ops.append({"op": "advance", "parameters": [const(8 * r.randint(0, 3))]})
            else:
                ops.append({"op": "set", "parameters": [field(*r.choice(self.fields)), self.number(2)]})
            later = names if r.random() < 0.1 else names[i:]
            cases = [self.transition(key, r.choice([*later, None])) for _ in range(r.randint(0, 4))]
            if name == "start" and r.random() < 0.5:
                cases.insert(0, {"type": "parse_vset", "value": "pvs", "mask": None, "next_state": "a"})
            cases.append(
                {"type": "default", "value": None, "mask": None, "next_state": r.choice([*later, None])}
            )
            states.append(
                {
                    "name": name,
                    "id": i,
                    "parser_ops": ops,
                    "transitions": cases,
                    "transition_key": [k for k, _ in key],
                }
            )
        return {"name": "parser", "id": 0, "init_state": "start", "parse_states": states}

    # -- tables ----------------------------------------------------------------------------------------------

    def table(self, name: str, actions: list[int], following: list[str | None], profile: bool) -> Json:
        """A table of a random kind; what follows depends on the action or on hit and miss."""
        r = self.rng
        kind = r.choice(["exact", "lpm", "ternary", "range"])
        key = []
        for i in range(r.randint(0 if kind == "exact" else 1, 3)):
            header, f = r.choice(self.fields)
            match = kind if i == 0 or kind in ("ternary", "range") else "exact"
            key.append({"match_type": match, "name": f"k{i}", "target": [header, f], "mask": None})
        if kind == "exact" and key and r.random() < 0.3:
            key.append({"match_type": "exact", "name": "v", "target": ["a", "$valid$"], "mask": None})
        names = [self.actions[a]["name"] for a in actions]
        if r.random() < 0.3:
            following_map = {"__HIT__": r.choice(following), "__MISS__": r.choice(following)}
        else:
            following_map = {n: r.choice(following) for n in names}
        entry: Json = {
            "name": name,
            "id": self.id(),
            "match_type": kind if key else "exact",
            "type": "simple",
            "key": key,
            "max_size": 64,
            "with_counters": r.random() < 0.5,
            "support_timeout": False,
            "direct_meters": None,
            "action_ids": actions,
            "actions": names,
            "base_default_next": r.choice(following),
            "next_tables": following_map,
        }
        if profile:
            entry |= {"type": "indirect_ws", "action_profile": f"p_{name}"}
        elif r.random() < 0.8:
            a = r.choice(actions)
            data = [hex(r.getrandbits(p["bitwidth"])) for p in self.actions[a]["runtime_data"]]
            entry["default_entry"] = {
                "action_id": a,
                "action_const": r.random() < 0.4,
                "action_data": data,
                "action_entry_const": False,
            }
        return entry

    def pipeline(self, name: str, position: int) -> tuple[Json, list[Json]]:
        """Tables and conditions in a row; each may skip some that follow."""
        r = self.rng
        count = r.randint(2, 5)
        nodes = [f"{name}_n{i}" for i in range(count)]
        tables, conditionals, profiles, counters = [], [], [], []
        for i, node in enumerate(nodes):
            following: list[str | None] = [*nodes[i + 1 :], None]
            if r.random() < 0.3:
                conditionals.append(
                    {
                        "name": node,
                        "id": self.id(),
                        "expression": self.truth(3),
                        "true_next": r.choice(following),
                        "false_next": r.choice(following),
                    }
                )
                continue
            actions = [self.action(f"{node}_a{j}", egress=name == "egress") for j in range(r.randint(1, 3))]
            with_profile = r.random() < 0.25
            tables.append(self.table(node, actions, following, with_profile))
            if with_profile:
                inputs = [self.any_field() for _ in range(r.randint(1, 3))]
                profiles.append(
                    {
                        "name": f"p_{node}",
                        "id": self.id(),
                        "max_size": 16,
                        "selector": {"algo": r.choice(["crc16", "crc32"]), "input": inputs},
                    }
                )
            if tables[-1]["with_counters"]:
                counters.append(
                    {"name": f"{node}_counter", "id": self.id(), "is_direct": True, "binding": node}
                )
        made = {
            "name": name,
            "id": position,
            "init_table": nodes[0] if r.random() < 0.95 else None,
            "tables": tables,
            "action_profiles": profiles,
            "conditionals": conditionals,
        }
        return made, counters

    # -- everything ------------------------------------------------------------------------------------------

    def make_calculations(self) -> None:
        """Hashes over fields, headers and constants, and checksums' sums."""
        r = self.rng
        for i in range(4):
            inputs: list[Json] = []
            for _ in range(r.randint(1, 4)):
                roll = r.random()
                if roll < 0.6:
                    inputs.append(self.any_field())
                elif roll < 0.8:
                    width = r.choice([4, 8, 16, 33])
                    inputs.append({"type": "hexstr", "value": hex(r.getrandbits(width)), "bitwidth": width})
                elif all(x["type"] == "header" for x in inputs):
                    inputs.append({"type": "header", "value": r.choice(["a", "b", "v", ETHERNET])})
            if r.random() < 0.3:
                inputs.append({"type": "payload", "value": None})
            self.calculations.append(
                {"name": f"calc{i}", "id": i, "algo": r.choice(ALGORITHMS), "input": inputs}
            )

    def make(self) -> Json:
        """The whole document."""
        r = self.rng
        document = self.make_headers()
        self.make_calculations()
        parser = self.make_parser()
        ingress, direct = self.pipeline("ingress", 0)
        egress, more = self.pipeline("egress", 1)
        lists = [
            {"id": 1, "name": "fl1", "elements": [field("meta", "f0")]},
            {
                "id": 2,
                "name": "fl2",
                "elements": [self.any_field(), field("standard_metadata", "ingress_port")],
            },
        ]
        elements = [self.any_field() for _ in range(r.randint(1, 4))]
        checksums = [
            {
                "name": f"sum{i}",
                "id": i,
                "target": [ETHERNET, "kind"],
                "type": "generic",
                "calculation": f"calc{i}",
                "verify": r.random() < 0.5,
                "update": r.random() < 0.3,
                "if_cond": self.truth(1) if r.random() < 0.5 else None,
            }
            for i in range(r.randint(0, 2))
        ]
        unit = r.choice(["bytes", "packets"])
        meter = {"name": "m0", "id": 0, "is_direct": False, "type": unit, "rate_count": 2, "size": 4}
        order = [ETHERNET, "a", "b", "v", "v2", *(f"s[{i}]" for i in range(3)), "u.x", "u.y"]
        order += [f"us[{i}].{m}" for i in range(2) for m in "xy"]
        return document | {
            "__meta__": {"version": [2, 23]},
            "program": "random.p4",
            "errors": [],
            "enums": [],
            "parsers": [parser],
            "parse_vsets": [{"name": "pvs", "id": 0, "compressed_bitwidth": 16}],
            "deparsers": [{"name": "deparser", "id": 0, "order": order}],
            "meter_arrays": [meter],
            "counter_arrays": [{"name": "c0", "id": 0, "is_direct": False, "size": 6}, *direct, *more],
            "register_arrays": [
                {"name": "r0", "id": 0, "size": 6, "bitwidth": r.choice([1, 9, 32, 64])},
                {"name": "r1", "id": 1, "size": 6, "bitwidth": r.choice([65, 128, 200])},
            ],
            "calculations": self.calculations,
            "learn_lists": [{"id": 1, "name": "learned", "elements": elements}],
            "field_lists": lists,
            "actions": self.actions,
            "pipelines": [ingress, egress],
            "checksums": checksums,
            "force_arith": [],
            "extern_instances": [],
            "field_aliases": [
                [f"{owner}.{name}", ["standard_metadata", name]]
                for owner, names in ALIASES.items()
                for name in names
            ],
        }


_PRIMITIVES: dict[Callable[[ProgramMaker, tuple[int, ...], bool], Json], int] = {
    ProgramMaker.assign: 11,
    ProgramMaker.change_validity: 4,
    ProgramMaker.copy_header: 2,
    ProgramMaker.shift_stack: 1,
    ProgramMaker.use_register: 4,
    ProgramMaker.meter_or_count: 3,
    ProgramMaker.hash: 2,
    ProgramMaker.random: 1,
    ProgramMaker.destination: 6,
    ProgramMaker.copies: 3,
}
"""What makes a primitive, and how often."""


def random_program(seed: int) -> Program:
    """A program."""
    return parse_program(json.dumps(ProgramMaker(seed).make()), f"random-{seed}")
