"""Tables: keys to fields, actions with their bound arguments, entries and properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.passes import extern_objects
from testbed.p4.compiler.passes.narrow import expect
from testbed.p4.compiler.passes.unit import RefusedError
from testbed.p4.compiler.passes.values import ActionClosure, Env, TableSlot

if TYPE_CHECKING:
    from testbed.p4.compiler.passes.body import Body

DEFAULT_SIZE = 1024
PRIORITY_KINDS = frozenset({"ternary", "range", "optional"})
MATCH_KINDS = PRIORITY_KINDS | {"exact", "lpm", "selector"}


def make_table(body: Body, slot: TableSlot) -> ir.Table:
    """The table, without its keys (see `evaluate_keys`)."""
    decl = slot.decl
    if any(t.name == slot.name for t in body.unit.program.tables):
        raise RefusedError(decl.span, f"two tables have the control plane name {slot.name}")
    body.unit.reserve(slot.name)
    table = ir.Table(name=slot.name, decl=decl, span=decl.span, size=_size(body, decl), order=slot.order)
    for ref in decl.actions:
        table.uses.append(_use(body, ref))
    _default(body, table, decl)
    _properties(body, table, decl)
    if decl.entries is not None:
        table.entries = _entries(body, table, decl)
    return table


def _size(body: Body, decl: ast.TableDecl) -> int:
    found = decl.property_named("size")
    return (body.size(found.value) if found is not None else 0) or DEFAULT_SIZE


# --- keys -----------------------------------------------------------------------------------------------


def evaluate_keys(body: Body, table: ir.Table, decl: ast.TableDecl) -> None:
    """Append what computes the keys, and set the table's keys when it is applied for the first time."""
    keys = decl.keys or []
    found = body.sequence([k.expr for k in keys])
    targets: list[ir.Field | ir.IsValid] = []
    for i, (key, value) in enumerate(zip(keys, found, strict=True)):
        if not isinstance(value, ir.Expr) or isinstance(value.type, t.VarbitType):
            raise RefusedError(
                key.span, f"a key of type {body.env.type_of(key.expr)} is not supported by this target"
            )
        known = table.keys[i].target if i < len(table.keys) else None
        targets.append(_key_target(body, key, value, known))
    if table.keys or not keys:
        if [k.target for k in table.keys] != targets:
            raise RefusedError(
                decl.span, f"table {decl.name} is applied with different keys in different places"
            )
        return
    for key, target in zip(keys, targets, strict=True):
        if key.match_kind not in MATCH_KINDS:
            raise RefusedError(key.span, f"match kind {key.match_kind} is not supported by this target")
        p4_type = body.env.type_of(key.expr)
        table.keys.append(ir.Key(_key_name(key), target, key.match_kind, p4_type, key.annotations))
    if sum(k.match_kind == "lpm" for k in table.keys) > 1:
        raise RefusedError(
            decl.span, f"table {decl.name} has more than one lpm key, which the target does not support"
        )
    _selector(body, table, decl)


def _key_target(
    body: Body, key: ast.KeyElement, value: ir.Expr, known: ir.Field | ir.IsValid | None
) -> ir.Field | ir.IsValid:
    match value:
        case ir.Field(header=ir.Header()) | ir.IsValid(header=ir.Header()):
            return value
    target = known if isinstance(known, ir.Field) else body.unit.scalar("key", value.type)
    body.out.append(ir.Assign(key.span, target, value))
    return target


def _key_name(key: ast.KeyElement) -> str:
    annotation = next((a for a in key.annotations if a.name == "name"), None)
    if annotation is not None and annotation.args:
        return str(annotation.args[0])
    name = _expression_name(key.expr)
    if name is None:
        raise RefusedError(key.span, "this key has no name of its own: give it one with @name")
    return name


def _expression_name(expr: ast.Expression) -> str | None:
    """The control plane's name of a key expression: its text, with field names as @name has them."""
    match expr:
        case ast.PathExpr(name=name):
            return name
        case ast.IntLiteral(number=number, base=base):
            return {2: f"0b{number:b}", 8: f"0o{number:o}", 16: f"0x{number:x}"}.get(base, str(number))
        case ast.Member(base=base, name=name, decl=decl):
            return _member_name(base, name, decl)
        case ast.Index(base=base, index=index):
            return _joined("{}[{}]", base, index)
        case ast.Slice(base=base, high=high, low=low):
            return _joined("{}[{}:{}]", base, high, low)
        case ast.Binary(op="&", left=left, right=right):
            return _joined("{} & {}", left, right)
        case ast.Cast(operand=operand, implicit=True):
            return _expression_name(operand)
        case ast.Call(builtin="isValid", receiver=receiver) if receiver is not None:
            return _joined("{}.$valid$", receiver)
    return None


def _member_name(base: ast.Expression, name: str, decl: object) -> str | None:
    annotation = decl.annotation("name") if isinstance(decl, ast.FieldDecl) else None
    if annotation is not None and annotation.args:
        name = str(annotation.args[0])
        if name.startswith("."):
            return name[1:]
    before = _expression_name(base)
    return None if before is None else f"{before}.{name}"


def _joined(form: str, *parts: ast.Expression) -> str | None:
    names = [_expression_name(p) for p in parts]
    return None if None in names else form.format(*names)


def _selector(body: Body, table: ir.Table, decl: ast.TableDecl) -> None:
    inputs = [k.target for k in table.keys if k.match_kind == "selector"]
    profile = table.profile
    if profile is None or profile.algorithm is None:
        if inputs:
            message = f"table {decl.name} has a selector key but no action_selector: the key is ignored"
            body.unit.diagnostics.warn("ignored", decl.span, message)
        return
    fields = [f for f in inputs if isinstance(f, ir.Field)]
    if profile.inputs is not None and profile.inputs != fields:
        raise RefusedError(
            decl.span, f"the tables of action selector {profile.name} must have the same selector keys"
        )
    profile.inputs = fields


# --- actions --------------------------------------------------------------------------------------------


def _use(body: Body, ref: ast.ActionRef) -> ir.ActionUse:
    names = {a.name for a in ref.annotations}
    return ir.ActionUse(_action(body, ref), ref.annotations, "defaultonly" in names, "tableonly" in names)


def _action(body: Body, ref: ast.ActionRef) -> ir.Action:
    """The action of a list, elaborated; directed parameters are bound to the arguments given in the list."""
    closure = body.env.find(ref.decl)
    closure = expect(closure, ActionClosure)
    directed = [b for b in ref.bound if b.expr is not None or b.param.direction is not ast.Direction.NONE]
    key = (closure.decl, closure.env)
    if not directed and key in body.unit.actions:
        return body.unit.actions[key]
    env = Env(closure.env)
    action = ir.Action(closure.name, [], [], closure.decl, closure.decl.span, order=closure.order)
    for bound in ref.bound:
        if bound not in directed:
            action.params.append(_parameter(body, bound, closure, env, len(action.params)))
    action.body = body.action_body(closure, env, directed, ref.span)
    body.unit.program.actions.append(action)
    if not directed:
        body.unit.actions[key] = action
    return action


def _parameter(
    body: Body, bound: ast.BoundArg, closure: ActionClosure, env: Env, index: int
) -> ir.ActionParam:
    p4_type = closure.env.resolve(bound.type)
    scalar = body.unit.scalar_type(p4_type, bound.param.span)
    if isinstance(scalar, t.VarbitType):
        raise RefusedError(bound.param.span, "varbit parameters of actions are not supported by this target")
    name = body.unit.external_name(bound.param, "")
    env.bind(bound.param, ir.Param(index, name, scalar))
    return ir.ActionParam(name, scalar, p4_type, bound.param)


def _default(body: Body, table: ir.Table, decl: ast.TableDecl) -> None:
    ref = decl.default_action
    table.const_default = decl.const_default
    if ref is None:
        no_action = body.unit.no_action
        position = next((i for i, u in enumerate(table.uses) if u.action.decl is no_action), None)
        if position is None:
            path = ast.PathExpr(decl.span, no_action.name)
            path.decl = no_action
            added = ast.ActionRef(decl.span, path, None, [ast.Annotation(decl.span, "defaultonly")])
            added.decl = no_action
            position = len(table.uses)
            table.uses.append(_use(body, added))
        table.default = position
        return
    table.default = _position(table, ref)
    table.default_args = _action_data(body, ref)


def _position(table: ir.Table, ref: ast.ActionRef) -> int:
    for i, use in enumerate(table.uses):
        if use.action.decl is ref.decl:
            return i
    raise RefusedError(ref.span, f"action {ref.path.name} is not in the table's action list")


def _action_data(body: Body, ref: ast.ActionRef) -> list[int]:
    """The values of the control-plane parameters, as unsigned numbers."""
    result: list[int] = []
    for bound in ref.bound:
        if bound.param.direction is ast.Direction.NONE and bound.expr is not None:
            type_ = body.unit.scalar_type(bound.type, ref.span)
            result.append(body.number(bound.expr) & ((1 << ir.width_of(type_)) - 1))
    return result


# --- properties -----------------------------------------------------------------------------------------


def _properties(body: Body, table: ir.Table, decl: ast.TableDecl) -> None:
    for prop in decl.properties:
        match prop.name:
            case "size" | "largest_priority_wins" | "priority_delta":
                pass
            case "support_timeout":
                table.timeout = bool(body.number(prop.value))
            case "implementation":
                _implementation(body, table, prop)
            case "counters":
                found = _object(body, prop, table)
                if (
                    not isinstance(found, ir.CounterArray)
                    or not found.direct
                    or found.table not in (None, table)
                ):
                    raise RefusedError(prop.span, "counters takes a direct_counter that no other table uses")
                table.counter, found.table = found, table
            case "meters":
                meter = _object(body, prop, table)
                if (
                    not isinstance(meter, ir.MeterArray)
                    or not meter.direct
                    or meter.table not in (None, table)
                ):
                    raise RefusedError(prop.span, "meters takes a direct_meter that no other table uses")
                table.meter, meter.table = meter, table
            case name:
                body.unit.diagnostics.warn(
                    "ignored", prop.span, f"table property {name} is ignored by this target"
                )


def _object(body: Body, prop: ast.TableProperty, table: ir.Table) -> ir.ExternObject:
    if isinstance(prop.value, ast.PathExpr):
        found = body.env.find(prop.value.decl)
        if isinstance(found, ir.ExternObject):
            return found
    if isinstance(prop.value, ast.Call):
        named = prop.annotation("name") is not None
        name = body.unit.external_name(prop, "") if named else f"{table.name}.{prop.name}"
        made = extern_objects.make_instance(body, prop, prop.value, name)
        made.order = table.order
        body.unit.program.externs.append(made)
        return made
    raise RefusedError(prop.span, f"table property {prop.name} takes an extern instance")


def _implementation(body: Body, table: ir.Table, prop: ast.TableProperty) -> None:
    profile = _object(body, prop, table)
    if not isinstance(profile, ir.ActionProfile):
        raise RefusedError(prop.span, "implementation takes an action_profile or an action_selector")
    if profile.tables and profile.pipeline != body.block:
        raise RefusedError(prop.span, f"action profile {profile.name} is used in both pipelines")
    default = table.decl.default_action if table.decl is not None else None
    if default is not None and default.decl is not body.unit.no_action:
        message = "default_action is ignored by this target for a table with an action profile"
        body.unit.diagnostics.warn("unsupported", default.span, message)
    profile.pipeline = body.block
    profile.tables.append(table)
    table.profile = profile


# --- entries --------------------------------------------------------------------------------------------


def _entries(body: Body, table: ir.Table, decl: ast.TableDecl) -> list[ir.Entry]:
    result: list[ir.Entry] = []
    if table.profile is not None:
        raise RefusedError(
            decl.span, "entries of a table with an action profile are not supported by this target"
        )
    numbers = _priorities(body, decl)
    for entry, number in zip(decl.entries or [], numbers, strict=True):
        keys = [
            _key_set(body, expr, key)
            for expr, key in zip(_spread(entry.keys, decl), decl.keys or [], strict=True)
        ]
        position = _position(table, entry.action)
        result.append(ir.Entry(keys, position, _action_data(body, entry.action), number, entry.span))
    return result


def _spread(keys: list[ast.Expression], decl: ast.TableDecl) -> list[ast.Expression]:
    count = len(decl.keys or [])
    return keys * count if len(keys) == 1 and isinstance(keys[0], ast.DontCare) else keys


def _priorities(body: Body, decl: ast.TableDecl) -> list[int]:
    """The target's priorities, lower wins: the order of entries, or the ranks of what the program says."""
    entries = decl.entries or []
    annotated = [next((a for a in e.annotations if a.name == "priority"), None) for e in entries]
    written = [e.priority for e in entries]
    if any(a is not None for a in annotated) or decl.const_entries or all(p is None for p in written):
        return [int(a.args[0]) if a is not None and a.args else i for i, a in enumerate(annotated, 1)]
    largest = decl.property_named("largest_priority_wins")
    sign = 1 if largest is not None and not body.number(largest.value) else -1
    delta = decl.property_named("priority_delta")
    step = sign * (body.number(delta.value) if delta is not None else 1)
    numbers: list[int] = []
    for priority in written:
        numbers.append(body.number(priority) if priority is not None else max(0, numbers[-1] + step))
    ranks = {n: i for i, n in enumerate(sorted(set(numbers), reverse=sign < 0), 1)}
    return [ranks[n] for n in numbers]


def _key_set(body: Body, expr: ast.Expression, key: ast.KeyElement) -> ir.KeySet:
    type_ = body.unit.scalar_type(body.env.type_of(key.expr), key.span)
    found = key_set(body, expr, type_)
    if found.kind == "range" and found.low > found.high:
        raise RefusedError(expr.span, "a signed range that contains zero is not supported by this target")
    return found


def key_set(body: Body, expr: ast.Expression, type_: t.Type) -> ir.KeySet:
    """A constant keyset element, as unsigned numbers of the key's width."""
    ones = (1 << ir.width_of(type_)) - 1

    def number(part: ast.Expression) -> int:
        return body.number(part) & ones

    match expr:
        case ast.DontCare():
            return ir.KeySet("any")
        case ast.Mask(left=left, right=right):
            mask = number(right)
            return ir.KeySet("mask", number(left) & mask, mask)
        case ast.Range(low=low, high=high):
            if body.number(low) > body.number(high):
                raise RefusedError(expr.span, "the range is empty: its first value is larger than its last")
            return ir.KeySet("range", number(low), number(high))
        case ast.Cast(operand=ast.Mask() | ast.Range() | ast.DontCare() as inner, implicit=True):
            return key_set(body, inner, type_)
    return ir.KeySet("value", number(expr))
