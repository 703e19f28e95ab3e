"""Pipelines: action profiles, tables with their entries, conditionals, and how control flows between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from testbed.p4.switch.loader.cursor import MAX_BITS, Cursor
from testbed.p4.switch.loader.entries import load_entries, pack_params
from testbed.p4.switch.loader.expressions import ExpressionLoader
from testbed.p4.switch.loader.objects import MAX_CELLS, algorithm
from testbed.p4.switch.loader.scope import Names, Scope
from testbed.p4.switch.model import (
    ActionEntry,
    Call,
    Conditional,
    Counter,
    FieldRef,
    KeyField,
    MatchKind,
    Node,
    Pipeline,
    Profile,
    Selector,
    Table,
)

_KINDS: Final[dict[str, MatchKind]] = {
    "exact": "exact",
    "lpm": "lpm",
    "ternary": "ternary",
    "range": "range",
    "valid": "valid",
}
_RANK: Final = {"exact": 0, "valid": 0, "lpm": 1, "ternary": 2, "range": 3}


class PipelineLoader:
    """Loads ingress and egress into common lists, so that a `Node` names a place in either."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._actions = scope.actions
        self._nodes: dict[str, Node] = {}
        self._profile_names = Names("action profile")
        self.profiles: list[Profile] = []
        self.tables: list[Table] = []
        self.conditionals: list[Conditional] = []
        self.calls: list[Call] = []

    def load(self, at: Cursor) -> Pipeline:
        """One pipeline."""
        for item in at.items("action_profiles"):
            self._profile(item)
        self._nodes = {}
        self._declare(at.items("tables"), "table", len(self.tables))
        self._declare(at.items("conditionals"), "if", len(self.conditionals))
        self._declare(at.items("action_calls"), "call", len(self.calls))
        for item in at.items("tables"):
            self.tables.append(self._table(item))
        expressions = ExpressionLoader(self._scope)
        for item in at.items("conditionals"):
            cond = expressions.load(item.get("expression"), "bool")
            true_next, false_next = self._next(item.opt("true_next")), self._next(item.opt("false_next"))
            self.conditionals.append(Conditional(item.name(), cond, true_next, false_next))
        for item in at.items("action_calls"):
            action = self._scope.action_names.find_id(item.get("action_id"))
            if self._actions[action].params:
                raise item.error("an action called from the control flow has no parameters")
            self.calls.append(Call(item.name(), action, self._next(item.opt("next_node"))))
        start = self._next(at.opt("init_table"))
        self._check_acyclic(at, start)
        return Pipeline(at.name(), start)

    # -- control flow ----------------------------------------------------------------------------------------

    def _declare(self, items: list[Cursor], kind: Literal["table", "if", "call"], first: int) -> None:
        for i, item in enumerate(items):
            name = item.name()
            if name in self._nodes:
                raise item.get("name").error(f"a second table, condition or call named '{name}'")
            self._nodes[name] = Node(kind, first + i)

    def _next(self, at: Cursor | None) -> Node | None:
        if at is None:
            return None
        node = self._nodes.get(at.text())
        if node is None:
            raise at.error(f"this pipeline has no table or condition named '{at.text()}'")
        return node

    def _after(self, node: Node) -> set[Node | None]:
        if node.kind == "table":
            table = self.tables[node.position]
            hit_miss = table.next_hit_miss or ()
            return {*table.next_by_action.values(), *hit_miss, table.next_default}
        if node.kind == "if":
            conditional = self.conditionals[node.position]
            return {conditional.true_next, conditional.false_next}
        return {self.calls[node.position].next}

    def _check_acyclic(self, at: Cursor, start: Node | None) -> None:
        """A packet passes a pipeline in bounded time. Depth first, without recursion."""
        done: set[Node] = set()
        open_: set[Node] = set()
        todo: list[tuple[Node, bool]] = [] if start is None else [(start, False)]
        while todo:
            node, leaving = todo.pop()
            if leaving:
                open_.discard(node)
                done.add(node)
            elif node in open_:
                raise at.error(f"the control flow loops through {node.kind} number {node.position}")
            elif node not in done:
                open_.add(node)
                todo.append((node, True))
                todo += [(n, False) for n in self._after(node) if n is not None and n not in done]

    # -- tables ----------------------------------------------------------------------------------------------

    def _profile(self, at: Cursor) -> None:
        name = self._profile_names.declare(at, len(self.profiles))
        selector_at = at.opt("selector")
        selector = None
        if selector_at is not None:
            selector = Selector(algorithm(selector_at.get("algo")), self._selector_fields(selector_at))
        self.profiles.append(Profile(name, at.get("max_size").number(0, MAX_CELLS), selector))

    def _selector_fields(self, at: Cursor) -> tuple[FieldRef, ...]:
        fields = []
        for item in at.items("input"):
            if item.get("type").text() != "field":
                raise item.get("type").error("a selector hashes fields")
            fields.append(self._scope.field_ref(item.get("value")))
        return tuple(fields)

    def _table(self, at: Cursor) -> Table:
        name = at.name()
        key = tuple(self._key_field(item) for item in at.items("key"))
        match_kind = _match_kind(at, key)
        actions = self._table_actions(at)
        profile = self._table_profile(at)
        position = len(self.tables)
        default, default_const = self._default(at, actions)
        immutable = at.opt("entries") is not None
        entries = load_entries(at, position, key, actions, self._scope) if immutable else ()
        if immutable and profile is not None:
            raise at.get("entries").error("a table with an action profile cannot have entries")
        size = len(entries)
        if not immutable or at.opt("max_size") is not None:
            size = max(size, at.get("max_size").number(0, MAX_CELLS))
        by_action, hit_miss = self._next_tables(at, actions, shared=profile is not None)
        return Table(
            name=name,
            match_kind=match_kind,
            key=key,
            actions=actions,
            max_size=size,
            profile=profile,
            counter=self._direct_counter(name, position) if at.opt_flag("with_counters", False) else None,
            meter=self._direct_meter(at.opt("direct_meters"), position),
            ageing=at.opt_flag("support_timeout", False),
            default=default,
            default_const=default_const,
            entries=entries,
            immutable=immutable,
            next_by_action=by_action,
            next_hit_miss=hit_miss,
            next_default=self._next(at.opt("base_default_next")),
        )

    def _key_field(self, at: Cursor) -> KeyField:
        kind = _KINDS.get(at.get("match_type").text())
        if kind is None:
            raise at.get("match_type").error(f"there is no match type '{at.get('match_type').text()}'")
        target = at.get("target")
        if kind == "valid":
            header = self._scope.header(target)
            return KeyField(target.text(), kind, header, 1)
        ref = self._scope.plain_field(target, "a match key")
        width = self._scope.width(ref)
        mask_at = at.opt("mask")
        mask = None if mask_at is None else mask_at.unsigned((width + 7) // 8 * 8) & ((1 << width) - 1)
        name_at = at.opt("name")
        name = ".".join(part.text() for part in target.items()) if name_at is None else name_at.text()
        return KeyField(name, kind, ref, width, mask)

    def _table_actions(self, at: Cursor) -> tuple[int, ...]:
        if at.opt("action_ids") is None and at.items("actions"):
            raise at.error("'action_ids' is missing")
        return tuple(self._scope.action_names.find_id(item) for item in at.items("action_ids"))

    def _table_profile(self, at: Cursor) -> int | None:
        kind = at.get("type").text()
        if kind == "simple":
            return None
        if kind not in ("indirect", "indirect_ws"):
            raise at.get("type").error(f"there is no table type '{kind}'")
        profile = self._profile_names.find(at.get("action_profile"))
        if (self.profiles[profile].selector is None) != (kind == "indirect"):
            raise at.get("action_profile").error(f"this action profile does not fit a table of type '{kind}'")
        return profile

    def _default(self, at: Cursor, actions: tuple[int, ...]) -> tuple[ActionEntry | None, bool]:
        entry = at.opt("default_entry")
        if entry is None:
            return None, False
        action = self._scope.action_names.find_id(entry.get("action_id"))
        if action not in actions:
            raise entry.get("action_id").error("the default action is none of the table's actions")
        params = pack_params(entry.get("action_data"), self._actions[action])
        const = entry.opt_flag("action_const", False) or entry.opt_flag("action_entry_const", False)
        return ActionEntry(action, params), const

    def _next_tables(
        self, at: Cursor, actions: tuple[int, ...], *, shared: bool
    ) -> tuple[dict[int, Node | None], tuple[Node | None, Node | None] | None]:
        by_name = dict(at.get("next_tables").members())
        nodes = {name: None if item.value is None else self._next(item) for name, item in by_name.items()}
        if "__HIT__" in nodes or "__MISS__" in nodes:
            if nodes.keys() != {"__HIT__", "__MISS__"}:
                raise at.get("next_tables").error("expected __HIT__ and __MISS__, and nothing else")
            return {}, (nodes["__HIT__"], nodes["__MISS__"])
        by_action: dict[int, Node | None] = {}
        for action in actions:
            name = self._actions[action].name
            if name not in nodes:
                raise at.get("next_tables").error(f"nothing follows action '{name}'")
            by_action[action] = nodes[name]
        if shared:  # members of a profile may have been made with another table's copy of the action
            for action, other in enumerate(self._actions):
                if other.name in nodes:
                    by_action.setdefault(action, nodes[other.name])
        return by_action, None

    # -- direct resources ------------------------------------------------------------------------------------

    def _direct_counter(self, name: str, position: int) -> int:
        """The counter bound to the table; bmv2 needs no array for it, so one is made up if there is none."""
        scope = self._scope
        bound = scope.direct_counters.get(name)
        if bound is None:
            bound = len(scope.counters)
            scope.counters.append(Counter(name, 0))
        scope.counters[bound] = replace(scope.counters[bound], table=position)
        return bound

    def _direct_meter(self, at: Cursor | None, position: int) -> int | None:
        if at is None:
            return None
        meter = self._scope.meter_names.find(at)
        if self._scope.meters[meter].target is None:
            raise at.error(f"meter '{at.text()}' is not a direct one")
        self._scope.meters[meter] = replace(self._scope.meters[meter], table=position)
        return meter


def _match_kind(at: Cursor, key: tuple[KeyField, ...]) -> Literal["exact", "lpm", "ternary", "range"]:
    kind = at.get("match_type").text()
    kinds = [f.kind for f in key]
    needed = max((_RANK[k] for k in kinds), default=0)
    if sum(k == "lpm" for k in kinds) > 1:
        raise at.get("key").error("a table has at most one lpm field")
    if sum(f.width for f in key) > MAX_BITS:
        raise at.get("key").error("the key is too wide")
    if _RANK.get(kind, -1) < needed or kind not in ("exact", "lpm", "ternary", "range"):
        raise at.get("match_type").error(f"a table with these key fields cannot be of type '{kind}'")
    return kind  # type: ignore[return-value]
