"""Action bodies: primitives in a row, control flow as jumps to positions."""

from __future__ import annotations

from testbed.p4.compiler import ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.bmv2 import expressions as ex
from testbed.p4.compiler.bmv2.source_info import Json, Sources

END = "end"


def primitives(body: list[ir.Stmt], sources: Sources) -> list[Json]:
    """The primitives of an action."""
    writer = _Writer(sources)
    writer.statements(body)
    return writer.finish()


def primitive(op: str, parameters: list[Json], info: Json) -> Json:
    """One primitive call."""
    return {"op": op, "parameters": parameters, **info}


def simple(stmt: ir.Stmt, sources: Sources) -> Json:
    """A statement without control flow as a primitive."""
    info = sources.info(stmt.span)
    match stmt:
        case ir.Assign(target=target, source=source):
            op = "assign_VL" if isinstance(target.type, t.VarbitType) else "assign"
            return primitive(op, [lvalue(target), ex.operand(source)], info)
        case ir.AssignHeader(target=header, source=from_header):
            return primitive("assign_header", [ex.operand(header), ex.operand(from_header)], info)
        case ir.AssignStack(target=stack, source=from_stack):
            return primitive("assign_header_stack", [ex.stack(stack), ex.stack(from_stack)], info)
        case ir.AssignUnionStack(target=union, source=from_union):
            return primitive("assign_union_stack", [ex.stack(union), ex.stack(from_union)], info)
        case ir.SetValid(header=header, valid=valid):
            return primitive("add_header" if valid else "remove_header", [ex.operand(header)], info)
        case ir.Shift(stack=stack, push=push, count=count):
            return primitive("push" if push else "pop", [ex.stack(stack), ex.constant(count)], info)
        case ir.Primitive(op=op, args=args):
            return primitive(op, [ex.operand(a) for a in args], info)
    raise AssertionError(stmt)


def lvalue(target: ir.Field) -> Json:
    """A field as the target of an assignment."""
    node = ex.field(target)
    return {"type": "expression", "value": node} if node["type"] == "expression" else node


class _Writer:
    """Collects primitives; jumps get their positions at the end."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.result: list[Json] = []
        self.positions: dict[str, int] = {}
        self.jumps: list[tuple[int, str]] = []
        self.count = 0

    def finish(self) -> list[Json]:
        """Resolve the jumps."""
        self.positions[END] = len(self.result)
        for position, label in self.jumps:
            self.result[position]["parameters"].append(ex.constant(self.positions[label]))
        return self.result

    def statements(self, body: list[ir.Stmt]) -> None:
        """Append statements in a row."""
        for stmt in body:
            match stmt:
                case ir.If():
                    self._conditional(stmt)
                case ir.Scope(label=label, body=inner):
                    self.statements(inner)
                    self.positions[label] = len(self.result)
                case ir.Leave(label=label):
                    self._jump("_jump", [], label, stmt)
                case ir.Exit():
                    self.result.append(primitive("exit", [], self.sources.info(stmt.span)))
                    self._jump("_jump", [], END, stmt)
                case _:
                    self.result.append(simple(stmt, self.sources))

    def _jump(self, op: str, parameters: list[Json], label: str, stmt: ir.Stmt) -> None:
        self.jumps.append((len(self.result), label))
        self.result.append(primitive(op, parameters, self.sources.info(stmt.span)))

    def _conditional(self, stmt: ir.If) -> None:
        self.count += 1
        otherwise, end = f"else {self.count}", f"fi {self.count}"
        self._jump("_jump_if_zero", [ex.operand(stmt.cond)], otherwise, stmt)
        self.statements(stmt.then)
        if stmt.otherwise:
            self._jump("_jump", [], end, stmt)
        self.positions[otherwise] = len(self.result)
        self.statements(stmt.otherwise)
        self.positions[end] = len(self.result)
