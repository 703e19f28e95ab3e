"""Control code as the target's graph of tables and conditionals.

Code is laid out from its end: every statement is given the node that follows it. Statements that are neither
tables nor conditionals become actions of tables without keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from testbed.p4.compiler import ir
from testbed.p4.compiler.passes.unit import RefusedError, Unit


@dataclass(slots=True)
class TableNode:
    """A table and what follows: by hit and miss, or by action (positions in the table's list)."""

    table: ir.Table
    by_result: tuple[str | None, str | None] | None = None
    by_action: dict[int, str | None] = field(default_factory=dict)
    otherwise: str | None = None


@dataclass(slots=True)
class ConditionNode:
    """A condition and what follows."""

    name: str
    stmt: ir.If
    if_true: str | None
    if_false: str | None


@dataclass(slots=True)
class Graph:
    """One pipeline's nodes, in the order of the code; `start` None does nothing."""

    start: str | None
    tables: list[TableNode]
    conditions: list[ConditionNode]


def layout(unit: Unit, pipeline: ir.Pipeline) -> Graph:
    """The graph of a pipeline; actions made on the way are added to the program.

    Raises:
        RefusedError: if a table is applied in two places that do not go on alike.
    """
    builder = _Builder(unit)
    start = builder.statements(pipeline.body, None)
    return Graph(start, list(reversed(builder.tables.values())), list(reversed(builder.conditions)))


class _Builder:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.tables: dict[str, TableNode] = {}
        self.conditions: list[ConditionNode] = []
        self.labels: dict[str, str | None] = {}

    def statements(self, body: list[ir.Stmt], following: str | None) -> str | None:
        """Lay out statements in a row; the first node."""
        run: list[ir.Stmt] = []
        for stmt in reversed(body):
            match stmt:
                case ir.If() | ir.Scope() | ir.Leave() | ir.Exit() | ir.Apply():
                    following = self._flush(run, following)
                    following = self._control(stmt, following)
                case _:
                    run.append(stmt)
        return self._flush(run, following)

    def _control(self, stmt: ir.Stmt, following: str | None) -> str | None:
        match stmt:
            case ir.If():
                return self._condition(stmt, following)
            case ir.Scope(label=label, body=body, action=action):
                if action is not None:
                    return self._table(action, [stmt], following)
                self.labels[label] = following
                return self.statements(body, following)
            case ir.Leave(label=label):
                return self.labels[label]
            case ir.Apply():
                return self._apply(stmt, following)
        return None  # exit

    def _flush(self, run: list[ir.Stmt], following: str | None) -> str | None:
        """Make an action of collected statements (last first) and a table that runs it."""
        if not run:
            return following
        body = list(reversed(run))
        run.clear()
        return self._table(self.unit.statement_name(body[0].span), body, following)

    def _table(self, name: str, body: list[ir.Stmt], following: str | None) -> str:
        """A table without keys that runs an action of that name."""
        span = body[0].span
        action = ir.Action(name=name, params=[], body=body, span=span, hidden=True)
        self.unit.program.actions.append(action)
        table = ir.Table(
            name=self.unit.unique(f"tbl_{name.rpartition('.')[2]}"),
            uses=[ir.ActionUse(action)],
            const_default=True,
            span=span,
            hidden=True,
        )
        self.tables[table.name] = TableNode(table, None, {}, following)
        return table.name

    def _condition(self, stmt: ir.If, following: str | None) -> str:
        if_false = self.statements(stmt.otherwise, following)
        if_true = self.statements(stmt.then, following)
        name = self.unit.unique("node")
        self.conditions.append(ConditionNode(name, stmt, if_true, if_false))
        return name

    def _apply(self, stmt: ir.Apply, following: str | None) -> str:
        table = stmt.table
        node = TableNode(table, None, {}, following)
        default = self.statements(stmt.default, following)
        for positions, body in reversed(stmt.cases):
            entry = self.statements(body, following)
            node.by_action.update(dict.fromkeys(positions, entry))
        if stmt.default or stmt.cases:
            for position in range(len(table.uses)):
                node.by_action.setdefault(position, default)
        elif stmt.hit or stmt.miss:
            miss = self.statements(stmt.miss, following)
            node.by_result = (self.statements(stmt.hit, following), miss)
        known = self.tables.get(table.name)
        if known is None:
            self.tables[table.name] = node
        elif known != node:
            raise RefusedError(
                stmt.span, f"table {table.name} is applied in two places that do not go on alike"
            )
        return table.name
