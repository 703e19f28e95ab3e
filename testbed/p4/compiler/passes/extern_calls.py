"""Calls of the extern functions and methods of v1model and core: primitives of the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import fold, values
from testbed.p4.compiler.passes.extern_objects import hash_algorithm, member_name
from testbed.p4.compiler.passes.narrow import expect, known
from testbed.p4.compiler.passes.unit import RefusedError
from testbed.p4.compiler.passes.values import SliceTarget, StructValue, Text, Value, headers_of, is_next

if TYPE_CHECKING:
    from testbed.p4.compiler.passes.calls import Calls
    from testbed.p4.compiler.passes.values import Argument

IN_CONTROLS = ("ingress", "egress")

Args = list[values.Argument]
Handler = Callable[["Calls", ast.Call, Args], Value | None]


def call_method(body: Calls, call: ast.Call) -> Value | None:
    """A call of a method of an extern object."""
    decl = call.decl
    decl = expect(decl, ast.MethodDecl)
    owner = known(decl.owner).name
    handler = METHODS.get((owner, decl.name))
    if handler is None:
        raise RefusedError(call.span, f"{owner}.{decl.name}() is not supported by this target")
    return handler(body, call, body.arguments(call.bound, call.span) if decl.name not in RAW else [])


def call_function(body: Calls, call: ast.Call) -> Value | None:
    """A call of an extern function."""
    decl = call.decl
    decl = expect(decl, ast.ExternFunctionDecl)
    handler = FUNCTIONS.get(decl.name)
    if handler is None:
        raise RefusedError(call.span, f"extern function {decl.name}() is not supported by this target")
    if handler is not _static_assert and body.block != "parser":
        body.unit.program.calls_functions = True
    return handler(body, call, body.arguments(call.bound, call.span) if decl.name not in RAW else [])


def _primitive(
    body: Calls, call: ast.Call, op: str, args: list[ir.Operand], writes: tuple[int, ...] = ()
) -> None:
    body.out.append(ir.Primitive(call.span, op, args, writes))


def _only_in(body: Calls, call: ast.Call, *blocks: str) -> None:
    if body.block not in blocks:
        name = call.decl.name if call.decl is not None else "this"
        raise RefusedError(
            call.span, f"{name}() can be called in {' and '.join(blocks)} only, this is the {body.block}"
        )


def _scalar(value: Argument, call: ast.Call) -> ir.Expr:
    if not isinstance(value, ir.Expr):
        raise RefusedError(call.span, "an argument of this type is not supported here")
    return value


def _with_result(
    body: Calls, call: ast.Call, op: str, target: Argument, make: Callable[[ir.Field], list[ir.Operand]]
) -> None:
    """Append a primitive that writes a field; other targets than plain unsigned fields get a copy."""
    if (
        isinstance(target, ir.Field)
        and isinstance(target.header, ir.Header)
        and not ir.is_signed(target.type)
    ):
        args = make(target)
        _primitive(body, call, op, args, (args.index(target),))
        return
    type_ = _type_of(target, call)
    temporary = body.unit.scalar("result", t.bits(ir.width_of(type_)))
    _with_result(body, call, op, temporary, make)
    body.assign(expect_target(target, call), fold.cast(temporary, type_), call.span)


def _object(body: Calls, call: ast.Call) -> ir.ExternObject:
    receiver = call.receiver
    found = body.env.find(receiver.decl) if isinstance(receiver, ast.PathExpr) else None
    if not isinstance(found, ir.ExternObject):
        raise RefusedError(call.span, "this extern object is not known at compile time")
    return found


# --- counters, meters, registers ------------------------------------------------------------------------


def _count(body: Calls, call: ast.Call, args: Args) -> None:
    counter = _object(body, call)
    _primitive(body, call, "count", [ir.ObjectRef("counter_array", counter.name), _scalar(args[0], call)])


def _count_direct(body: Calls, call: ast.Call, _: Args) -> None:
    """Direct counters count by themselves, on every hit."""
    _object(body, call)


def _execute_meter(body: Calls, call: ast.Call, args: Args) -> None:
    meter = ir.ObjectRef("meter_array", _object(body, call).name)
    index = _scalar(args[0], call)
    _with_result(body, call, "execute_meter", args[1], lambda result: [meter, index, result])


def _read_direct_meter(body: Calls, call: ast.Call, args: Args) -> None:
    """Direct meters write one field, on every hit, before the action runs: the first one read to."""
    meter = _object(body, call)
    target = args[0]
    meter = expect(meter, ir.MeterArray)
    if meter.result is None:
        if isinstance(target, ir.Field) and isinstance(target.header, ir.Header):
            meter.result = target
            return
        meter.result = body.unit.scalar("color", _type_of(target, call))
    body.assign(expect_target(target, call), fold.cast(meter.result, _type_of(target, call)), call.span)


def expect_target(target: Argument, call: ast.Call) -> values.Target:
    """The argument of an `out` parameter of a number's type."""
    if isinstance(target, ir.Field | SliceTarget):
        return target
    raise RefusedError(call.span, "the result must be a number")


def _type_of(target: Argument, call: ast.Call) -> t.Type:
    if isinstance(target, SliceTarget):
        return t.bits(target.high - target.low + 1)
    return _scalar(target, call).type


def _read_register(body: Calls, call: ast.Call, args: Args) -> None:
    register = ir.ObjectRef("register_array", _object(body, call).name)
    index = _scalar(args[1], call)
    _with_result(body, call, "register_read", args[0], lambda result: [result, register, index])


def _write_register(body: Calls, call: ast.Call, args: Args) -> None:
    register = ir.ObjectRef("register_array", _object(body, call).name)
    _primitive(body, call, "register_write", [register, _scalar(args[0], call), _scalar(args[1], call)])


# --- packets --------------------------------------------------------------------------------------------


def _extract(body: Calls, call: ast.Call, _: Args) -> None:
    _only_in(body, call, "parser")
    argument = call.bound[0].expr
    width = (
        body.scalar(call.bound[1].expr) if len(call.bound) > 1 and call.bound[1].expr is not None else None
    )
    if argument is None:
        type_ = body.env.resolve(call.bound[0].type)
        header: Argument = body.unit.allocate(type_, "ignored", call.span)
    else:
        body.may_extract = True
        header = body.target(argument)
        body.may_extract = False
    if not isinstance(header, ir.HeaderRef):
        raise RefusedError(call.span, "extract() takes a header")
    if isinstance(header, ir.StackElement | ir.StackLast) or (
        isinstance(header, ir.UnionStackMember) and not is_next(header)
    ):
        raise RefusedError(
            call.span, "extract() to a stack element known at run time only is not supported: use next"
        )
    if width is None and any(isinstance(f, t.VarbitType) for _, f in header.layout.fields):
        raise RefusedError(
            call.span, "extract() of a header with a varbit field needs the field's width as second argument"
        )
    body.out.append(ir.Extract(call.span, header, width))


def _lookahead(body: Calls, call: ast.Call, _: Args) -> Value:
    _only_in(body, call, "parser")
    type_ = body.env.type_of(call)
    result = body.unit.allocate(type_, "lookahead", call.span)
    offset = 0

    def look(target: Value) -> None:
        nonlocal offset
        match target:
            case StructValue(fields=fields):
                for part in fields.values():
                    look(part)
            case ir.Field():
                body.out.append(ir.Assign(call.span, target, ir.Lookahead(offset, target.type)))
                offset += ir.width_of(target.type)
            case ir.HeaderRef():
                body.out.append(ir.SetValid(call.span, target, True))
                for name, field_type in target.layout.fields:
                    look(ir.Field(target, name, field_type))
            case ir.Stack(size=size):
                for i in range(size):
                    look(target.element(i))
            case _:
                raise RefusedError(call.span, f"lookahead of {type_} is not supported")

    look(result)
    return result


def _advance(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, "parser")
    width = _scalar(args[0], call)
    if not isinstance(width, ir.Const):
        width = body.save_scalar(width, call.span, "advance")
    body.out.append(ir.Advance(call.span, width))


def _emit(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, "deparser")

    def emit(value: object) -> None:
        match value:
            case StructValue(fields=fields):
                for part in fields.values():
                    emit(part)
            case ir.Stack() | ir.Union() | ir.UnionStack() | ir.Header():
                body.out.extend(ir.Emit(call.span, h) for h in headers_of(value))
            case _:
                raise RefusedError(
                    call.span, "emit() of anything but headers, stacks and structs of them is not supported"
                )

    emit(args[0])


# --- extern functions -----------------------------------------------------------------------------------


def _verify(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, "parser")
    body.out.append(ir.Verify(call.span, _scalar(args[0], call), _scalar(args[1], call)))


def _mark_to_drop(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, *IN_CONTROLS)
    if not args:
        standard = body.unit.program.layouts[ir.STANDARD_METADATA]
        _primitive(body, call, "mark_to_drop", [ir.Header(ir.STANDARD_METADATA, standard)], (0,))
        return
    headers = {leaf.header for leaf in values.leaves(args[0]) if isinstance(leaf, ir.Field)}
    if {getattr(h, "name", None) for h in headers} != {ir.STANDARD_METADATA}:
        raise RefusedError(call.span, "mark_to_drop() takes the standard metadata itself, not a copy")
    _primitive(body, call, "mark_to_drop", [headers.pop()], (0,))


def _random(body: Calls, call: ast.Call, args: Args) -> None:
    low, high = _scalar(args[1], call), _scalar(args[2], call)
    _with_result(body, call, "modify_field_rng_uniform", args[0], lambda result: [result, low, high])


def _static_assert(_: Calls, call: ast.Call, args: Args) -> Value:
    cond = args[0]
    if not isinstance(cond, ir.Const):
        raise RefusedError(call.span, "the condition of static_assert() must be known at compile time")
    if not cond.value:
        text = args[1].text if len(args) > 1 and isinstance(args[1], Text) else "assertion"
        raise RefusedError(call.span, f"static_assert failed: {text}")
    return ir.TRUE


def _truncate(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, *IN_CONTROLS)
    _primitive(body, call, "truncate", [_scalar(args[0], call)])


def _assert(body: Calls, call: ast.Call, args: Args) -> None:
    name = call.decl.name if call.decl is not None else "assert"
    _primitive(body, call, name, [_scalar(args[0], call)])


def _log_msg(body: Calls, call: ast.Call, args: Args) -> None:
    text = args[0]
    if not isinstance(text, Text):
        raise RefusedError(call.span, "log_msg() takes a string known at compile time")
    message, parts = text.text, []
    if len(args) > 1:
        shown = [_shown(part, call) for part in _elements(args[1])]
        parts = [leaf for _, leaves in shown for leaf in leaves]
        for form in reversed([form for form, _ in shown]):
            before, braces, after = message.rpartition("{}")
            message = before + (form if braces else "") + after
    _primitive(body, call, "log_msg", [message, tuple(parts)])


def _shown(value: Argument, call: ast.Call) -> tuple[str, list[ir.Expr]]:
    """How a log message shows a value: its format, composite ones as `(name:{},...)`, and its parts."""
    match value:
        case StructValue(fields=fields):
            parts = dict(fields)
        case ir.HeaderRef():
            parts = {n: ir.Field(value, n, type_) for n, type_ in value.layout.fields}
        case _:
            return "{}", [_scalar(value, call)]
    shown = {name: _shown(part, call) for name, part in parts.items()}
    form = ",".join(f"{name}:{inner}" for name, (inner, _) in shown.items())
    return f"({form})", [leaf for _, leaves in shown.values() for leaf in leaves]


def _elements(value: Argument) -> list[Value]:
    return list(value.fields.values()) if isinstance(value, StructValue) else [expect(value, ir.Expr)]


def _flat(value: Argument) -> list[Argument]:
    if isinstance(value, StructValue):
        return [leaf for part in value.fields.values() for leaf in _flat(part)]
    return [value]


def _with_fields_saved(body: Calls, data: Value, call: ast.Call) -> Value:
    """The data of hash() with fields of headers saved, as p4c does.

    Those of an invalid header count, with what they hold; the target leaves out what it is given directly.
    """
    if isinstance(data, StructValue):
        return StructValue(data.type, {n: _with_fields_saved(body, f, call) for n, f in data.fields.items()})
    if isinstance(data, ir.Field) and isinstance(data.header, ir.Header):
        metadata = {header.name for header, is_metadata in body.unit.program.headers if is_metadata}
        if data.header.name not in metadata:
            return body.save_scalar(data, call.span, "hash")
    return data


def hash_inputs(body: Calls, data: Argument, call: ast.Call) -> list[ir.Expr | ir.HeaderRef]:
    """What a hash is computed over: fields, constants and headers; other values are saved first."""
    result: list[ir.Expr | ir.HeaderRef] = []
    for part in _flat(data):
        match part:
            case ir.Field(header=ir.Header()) | ir.Header():
                result.append(part)
            case ir.Const(type=type_):
                if type_ == t.INT:
                    raise RefusedError(call.span, "constants need a width here, such as 8w0")
                result.append(part)
            case ir.Stack(size=size):
                result += [part.element(i) for i in range(size)]
            case ir.Param(name=name, type=type_):
                saved = body.unit.scalar(name, type_)
                body.assign(saved, part, call.span)
                result.append(saved)
            case ir.Expr():
                result.append(body.save_scalar(part, call.span, "hash"))
            case ir.HeaderRef():
                result.append(expect(body.save(part, call.span, "hash"), ir.HeaderRef))
            case _:
                raise RefusedError(call.span, "data of this type cannot be hashed")
    return result


def _hash(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, *IN_CONTROLS)
    algorithm = hash_algorithm(body, call.bound[1].expr)
    base, top = _scalar(args[2], call), _scalar(args[4], call)
    data = args[3]
    if isinstance(data, StructValue | ir.Field):
        data = _with_fields_saved(body, data, call)
    inputs = hash_inputs(body, data, call)
    calculation = ir.Calculation(body.unit.unique("calc"), algorithm, inputs, False, call.span)
    body.unit.program.calculations.append(calculation)
    ref = ir.ObjectRef("calculation", calculation.name)
    op = "modify_field_with_hash_based_offset"
    _with_result(body, call, op, args[0], lambda result: [result, base, ref, top])


def _digest(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, "ingress")
    type_ = body.env.resolve(call.bound[1].type)
    parts = [_scalar(p, call) for p in _flat(args[1])]
    digests = body.unit.program.digests
    name = f"digest_{len(digests)}"
    if isinstance(type_, t.StructType):
        name = body.unit.external_name(type_.decl, "")
    digest = next((d for d in digests if d.name == name), None)
    if digest is None:
        fields = [body.unit.scalar(f"digest.{i}", p.type) for i, p in enumerate(parts)]
        digest = ir.Digest(name, type_, fields, call.span)
        digests.append(digest)
    for target, part in zip(digest.fields, parts, strict=True):
        body.assign(target, part, call.span)
    number = fold.const(digests.index(digest) + 1, t.bits(32))
    _primitive(body, call, "generate_digest", [_scalar(args[0], call), number])


# --- copies of the packet -------------------------------------------------------------------------------

NO_FIELDS = -1  # the number of the empty field list


def _field_list(body: Calls, call: ast.Call, number: ir.Expr | None) -> ir.Const:
    """The target's id of the list of the fields annotated with that number."""
    index = NO_FIELDS
    if number is not None:
        if not isinstance(number, ir.Const):
            raise RefusedError(call.span, "the field list must be known at compile time")
        index = number.value
    lists = body.unit.program.field_lists
    if index not in lists:
        if index != NO_FIELDS:
            body.unit.diagnostics.warn(
                "invalid", call.span, f"no user metadata fields tagged with @field_list({index})"
            )
        lists[index] = []
    return fold.const(list(lists).index(index) + 1, t.bits(32))


def _clone(body: Calls, call: ast.Call, args: Args) -> None:
    kind = member_name(body, call.bound[0].expr)
    place, op = {
        "I2E": ("ingress", "clone_ingress_pkt_to_egress"),
        "E2E": ("egress", "clone_egress_pkt_to_egress"),
    }[kind]
    _only_in(body, call, place)
    fields = _field_list(body, call, _scalar(args[2], call) if len(args) > 2 else None)
    _primitive(body, call, op, [_scalar(args[1], call), fields])


def _resubmit(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, "ingress")
    _primitive(body, call, "resubmit", [_field_list(body, call, _scalar(args[0], call))])


def _recirculate(body: Calls, call: ast.Call, args: Args) -> None:
    _only_in(body, call, "egress")
    _primitive(body, call, "recirculate", [_field_list(body, call, _scalar(args[0], call))])


# --- checksums ------------------------------------------------------------------------------------------


def _checksum(body: Calls, call: ast.Call, args: Args) -> None:
    name = known(call.decl).name
    update = name.startswith("update")
    _only_in(body, call, "checksum computation" if update else "checksum verification")
    cond, data, target = args[0], args[1], args[2]
    before = len(body.out)
    inputs = hash_inputs(body, data, call)
    if len(body.out) != before:
        raise RefusedError(
            call.span, f"computations are not supported in {name}(): use fields, headers and constants"
        )
    if not (isinstance(target, ir.Field) and isinstance(target.header, ir.Header)):
        raise RefusedError(call.span, "the checksum must be a field of a header")
    algorithm = hash_algorithm(body, call.bound[3].expr)
    payload = name.endswith("with_payload")
    body.out.append(ir.Checksum(call.span, update, _scalar(cond, call), inputs, target, algorithm, payload))


RAW = {"extract", "lookahead"}  # evaluate their arguments themselves

METHODS: dict[tuple[str, str], Handler] = {
    ("packet_in", "extract"): _extract,
    ("packet_in", "lookahead"): _lookahead,
    ("packet_in", "advance"): _advance,
    ("packet_out", "emit"): _emit,
    ("counter", "count"): _count,
    ("direct_counter", "count"): _count_direct,
    ("meter", "execute_meter"): _execute_meter,
    ("direct_meter", "read"): _read_direct_meter,
    ("register", "read"): _read_register,
    ("register", "write"): _write_register,
}

FUNCTIONS: dict[str, Handler] = {
    "verify": _verify,
    "mark_to_drop": _mark_to_drop,
    "random": _random,
    "truncate": _truncate,
    "static_assert": _static_assert,
    "assert": _assert,
    "assume": _assert,
    "log_msg": _log_msg,
    "hash": _hash,
    "digest": _digest,
    "clone": _clone,
    "clone_preserving_field_list": _clone,
    "resubmit_preserving_field_list": _resubmit,
    "recirculate_preserving_field_list": _recirculate,
    "verify_checksum": _checksum,
    "verify_checksum_with_payload": _checksum,
    "update_checksum": _checksum,
    "update_checksum_with_payload": _checksum,
}
