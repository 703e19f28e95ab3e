"""Evaluation of the package: `main` of type V1Switch, its six blocks, and the storage that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import fold, parsers
from testbed.p4.compiler.passes.body import Body
from testbed.p4.compiler.passes.narrow import expect
from testbed.p4.compiler.passes.parser_flow import flatten_states
from testbed.p4.compiler.passes.simplify import simplify, statements
from testbed.p4.compiler.passes.unit import FIRST_ERROR, RefusedError, Unit
from testbed.p4.compiler.passes.values import ActionClosure, Env, Frame, Instance, Packet, StructValue, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.p4.compiler.diagnostics import Diagnostics

PARSER, VERIFY, INGRESS, EGRESS, COMPUTE, DEPARSER = (
    "parser",
    "checksum verification",
    "ingress",
    "egress",
    "checksum computation",
    "deparser",
)
ROLES = (PARSER, VERIFY, INGRESS, EGRESS, COMPUTE, DEPARSER)  # the order of V1Switch's arguments
S = TypeVar("S", bound=ir.Stmt)


def elaborate(tree: ast.Program, path: str, diagnostics: Diagnostics) -> Unit:
    """The program with everything evaluated and inlined, as `unit.program`.

    Raises:
        CompileError: if it uses what this compiler or the target does not support; diagnostics say where.
    """
    unit = Unit(ir.Program(path), diagnostics)
    try:
        _Package(unit, tree).run()
    except RefusedError as error:
        diagnostics.error(error.span, error.message)
    diagnostics.check()
    simplify(unit.program)
    flatten_states(unit)
    return unit


class _Package:
    """Elaborates one package."""

    def __init__(self, unit: Unit, tree: ast.Program) -> None:
        self.unit = unit
        self.tree = tree
        self.storage: dict[str, Value] = {}

    def run(self) -> None:
        main = self._declare()
        blocks = self._blocks(main)
        self._enumerations()
        self._allocate(blocks[PARSER])
        for role in (PARSER, INGRESS, EGRESS, DEPARSER, COMPUTE, VERIFY):
            self._run_block(role, blocks[role])
        self._unread_colors()
        self._unused_value_sets()

    def _unread_colors(self) -> None:
        """Direct meters need a field to write to even if no action reads it."""
        for meter in self.unit.program.externs:
            if isinstance(meter, ir.MeterArray) and meter.table is not None and meter.result is None:
                meter.result = self.unit.scalar("color", t.bits(8))

    def _unused_value_sets(self) -> None:
        """The control plane sees those value sets only that a state selects with."""
        program = self.unit.program
        used = {case.value_set for state in program.states for case in state.cases}
        program.value_sets = [v for v in program.value_sets if v.name in used]

    def _declare(self) -> ast.InstanceDecl:
        """Bind the global declarations; the instance called main."""
        env, main = self.unit.globals, None
        objects: list[ast.Declaration] = []
        for decl in self.tree.declarations:
            if isinstance(decl, ast.ActionDecl):
                env.bind(decl, ActionClosure(decl, env, self.unit.external_name(decl, "")))
            elif isinstance(decl, ast.InstanceDecl) and isinstance(decl.type, t.PackageType):
                main = decl if decl.name == "main" else main
            elif isinstance(decl, ast.InstanceDecl):
                objects.append(decl)
        self._body("", env).declare_objects(objects, "")
        if main is None:
            raise RefusedError(
                self.tree.span, "the program has no package instance: expected V1Switch(...) main;"
            )
        if expect(main.type, t.PackageType).decl.name != "V1Switch":
            raise RefusedError(
                main.span, f"package {main.type} is not supported: this target takes V1Switch of v1model.p4"
            )
        self.unit.program.main = main
        return main

    def _body(self, role: str, env: Env) -> Body:
        return Body(self.unit, env, role, [], Frame())

    def _blocks(self, main: ast.InstanceDecl) -> dict[str, Instance]:
        blocks: dict[str, Instance] = {}
        if len(main.call.bound) != len(ROLES):
            raise RefusedError(main.span, f"V1Switch takes {len(ROLES)} parsers and controls")
        for bound, role in zip(main.call.bound, ROLES, strict=True):
            expr = bound.expr
            self.unit.program.starts[role] = self.unit.next_order()
            body = self._body(role, self.unit.globals)
            if isinstance(expr, ast.Call) and isinstance(expr.decl, ast.ParserDecl | ast.ControlDecl):
                blocks[role] = body.make_instance(expr, expr.decl.name)
            else:
                found = body.env.find(expr.decl) if isinstance(expr, ast.PathExpr) else None
                if not isinstance(found, Instance):
                    raise RefusedError(
                        main.span,
                        f"argument {bound.param.name} of V1Switch must construct a parser or control",
                    )
                blocks[role] = found
        return blocks

    def _enumerations(self) -> None:
        program = self.unit.program
        program.errors = [(e.name, e.number + FIRST_ERROR) for e in self.tree.errors]
        for decl in self.tree.declarations:
            if isinstance(decl, ast.EnumDecl) and not decl.span.file.endswith(("v1model.p4", "core.p4")):
                program.enums.append((decl.name, [(m.name, m.number) for m in decl.members]))

    # --- storage -----------------------------------------------------------------------------------------

    def _allocate(self, parser: Instance) -> None:
        """Give the headers, the user metadata and the standard metadata their places."""
        _, headers, metadata, standard = (parser.env.resolve(p.type) for p in parser.decl.params)
        span = parser.decl.span
        if not isinstance(headers, t.StructType) or not isinstance(standard, t.StructType):
            raise RefusedError(span, "the parser's second parameter must be a struct of headers")
        self.storage["standard"] = self._standard(standard)
        self.storage["headers"] = self._headers(headers, "")
        self.storage["metadata"] = self.unit.allocate(metadata, "userMetadata", span)
        if isinstance(metadata, t.StructType):
            self._field_lists(metadata, self.storage["metadata"])

    def _headers(self, type_: t.StructType, prefix: str) -> Value:
        parts: dict[str, Value] = {}
        for f in type_.fields:
            span = f.decl.span if f.decl is not None else type_.decl.span
            own = self.unit.external_name(f.decl, "") if f.decl is not None else f.name
            if isinstance(f.type, t.StructType):
                parts[f.name] = self._headers(f.type, f"{prefix}{own}.")
            elif isinstance(f.type, t.HeaderType | t.StackType | t.HeaderUnionType):
                parts[f.name] = self.unit.allocate(f.type, prefix + own, span)
            else:
                raise RefusedError(
                    span, f"field {f.name} of the headers must be a header or a stack, not {f.type}"
                )
        return StructValue(type_, parts)

    def _standard(self, type_: t.StructType) -> Value:
        fields = tuple((f.name, self.unit.scalar_type(f.type, type_.decl.span)) for f in type_.fields)
        header = self.unit.new_header(
            ir.STANDARD_METADATA, ir.Layout(ir.STANDARD_METADATA, fields), metadata=True
        )
        return StructValue(type_, {n: ir.Field(header, n, f) for n, f in fields})

    def _field_lists(self, type_: t.StructType, storage: Value) -> None:
        lists: dict[int, list[ir.Field]] = {}
        for decl, leaf in _annotated(type_, storage, None):
            if decl is None:
                continue
            if not isinstance(leaf, ir.Field):
                raise RefusedError(decl.span, "@field_list is supported on numbers only, not on headers")
            for number in decl.args:
                lists.setdefault(int(number), []).append(leaf)
        self.unit.program.field_lists = lists

    # --- blocks ------------------------------------------------------------------------------------------

    def _run_block(self, role: str, instance: Instance) -> None:
        env = Env(instance.env)
        body = self._body(role, env)
        for param, value in zip(instance.decl.params, self._arguments(role), strict=True):
            env.bind(param, value)
        program, span = self.unit.program, instance.decl.span
        if role == PARSER:
            parsers.run(body, instance, env)
            return
        body.run_control(instance, env)
        if role in (INGRESS, EGRESS):
            program.pipelines.append(ir.Pipeline(role, body.out, span))
        elif role == DEPARSER:
            program.deparser_span = span
            program.deparser = [s.header for s in self._only(_plain_emits(body.out), ir.Emit, "emit()")]
        else:
            name = "verify_checksum" if role == VERIFY else "update_checksum"
            program.checksums += self._only(
                _conditional_checksums(body.out, ir.TRUE), ir.Checksum, f"{name}() and {name}_with_payload()"
            )

    def _arguments(self, role: str) -> list[Value]:
        headers, metadata, standard = (self.storage[k] for k in ("headers", "metadata", "standard"))
        match role:
            case "parser":
                return [Packet(), headers, metadata, standard]
            case "deparser":
                return [Packet(), headers]
            case "ingress" | "egress":
                return [headers, metadata, standard]
        return [headers, metadata]

    def _only(self, body: list[ir.Stmt], kind: type[S], allowed: str) -> list[S]:
        """The statements of a block that may have one kind only."""
        result: list[S] = []
        for stmt in statements(body):
            if isinstance(stmt, kind):
                result.append(stmt)
            else:
                self.unit.diagnostics.error(
                    stmt.span, f"only calls of {allowed} are supported here by this target"
                )
        return result


def _plain_emits(body: list[ir.Stmt]) -> list[ir.Stmt]:
    """A deparser's statements with `if (h.isValid()) emit(h)` reduced to `emit(h)`, which is the same."""
    result: list[ir.Stmt] = []
    for stmt in statements(body):
        if isinstance(stmt, ir.If) and isinstance(stmt.cond, ir.IsValid) and not stmt.otherwise:
            header = stmt.cond.header
            if all(isinstance(s, ir.Emit) and s.header == header for s in stmt.then):
                result += stmt.then
                continue
        result.append(stmt)
    return result


def _conditional_checksums(body: list[ir.Stmt], cond: ir.Expr) -> list[ir.Stmt]:
    """The statements of a checksum control, those in conditionals with the conditions as their own."""
    result: list[ir.Stmt] = []
    for stmt in statements(body):
        if isinstance(stmt, ir.If):
            result += _conditional_checksums(stmt.then, fold.binary("&&", cond, stmt.cond))
            inverse = fold.unary("!", stmt.cond)
            result += _conditional_checksums(stmt.otherwise, fold.binary("&&", cond, inverse))
            continue
        if isinstance(stmt, ir.Checksum):
            stmt.cond = fold.binary("&&", cond, stmt.cond)
        result.append(stmt)
    return result


def _annotated(
    type_: t.StructType, storage: Value, outer: ast.Annotation | None
) -> Iterator[tuple[ast.Annotation | None, Value]]:
    """The leaves of the metadata with their `@field_list`, which nested fields inherit."""
    storage = expect(storage, StructValue)
    for f in type_.fields:
        own = f.decl.annotation("field_list") if f.decl is not None else None
        if isinstance(f.type, t.StructType):
            yield from _annotated(f.type, storage.fields[f.name], own or outer)
        else:
            yield own or outer, storage.fields[f.name]
