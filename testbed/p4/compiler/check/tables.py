"""Tables: keys, action lists, default actions and entries (P4_16 specification 1.2.5, section 14.2)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.constants import is_compile_time
from testbed.p4.compiler.check.entries import check_entries
from testbed.p4.compiler.check.statements import StatementChecker
from testbed.p4.compiler.diagnostics import Note, a_or_an


class TableChecker(StatementChecker):
    """Checks tables."""

    def table(self, table: ast.TableDecl) -> None:
        """Check a table; its name is known from here on."""
        self.annotations(table.annotations)
        self.declare(table)
        with self.scope(table):
            for key in table.keys or ():
                self._key(key)
            self._action_list(table)
            for prop in table.properties:
                self._property(prop)
            if table.default_action is not None:
                self._default_action(table, table.default_action)
            for entry in table.entries or ():
                self._entry(table, entry)
            check_entries(table, self)

    # Keys

    def _key(self, key: ast.KeyElement) -> None:
        self.annotations(key.annotations)
        expr = key.expr = self.infer(key.expr)
        key.match_decl = self.match_kinds.get(key.match_kind)
        if key.match_decl is None:
            known = f"there are {', '.join(self.match_kinds)}" if self.match_kinds else "include core.p4"
            self.error(key.span, f"{key.match_kind} is not a match kind: {known}")
        of = t.representation(expr.type)
        if of == t.UNKNOWN:
            return
        if not isinstance(of, t.BitsType | t.EnumType) and of not in (t.BOOL, t.ERROR):
            self.error(expr.span, f"a key is an integer, a bool, an enum or an error, not {expr.type}")
        elif is_compile_time(expr):
            self.diagnostics.warn("ignore_prop", expr.span, "this key is a constant")

    # Actions

    def _action_list(self, table: ast.TableDecl) -> None:
        seen: dict[str, ast.ActionRef] = {}
        for ref in table.actions:
            self.annotations(ref.annotations)
            if ref.path.name in seen:
                note = Note(seen[ref.path.name].span, "the first time")
                self.error(ref.span, f"the action {ref.path.name} is listed twice", note)
            seen[ref.path.name] = ref
            action = self._action(ref)
            if action is not None:
                self._bind_action(ref, action, in_list=True)

    def _action(self, ref: ast.ActionRef) -> ast.ActionDecl | None:
        path = ref.path
        found = self.lookup(path.span, path.name, absolute=path.absolute)
        if not found:
            return None
        action = found[0]
        if not isinstance(action, ast.ActionDecl):
            note = Note(action.span, f"{path.name} is declared here")
            self.error(path.span, f"{path.name} is {a_or_an(action.kind)}, and an action is needed", note)
            return None
        path.decl, path.type = action, t.CallableType(action)
        ref.decl = action
        return action

    def _bind_action(self, ref: ast.ActionRef, action: ast.ActionDecl, *, in_list: bool) -> None:
        """Bind the arguments; in action lists the control plane gives those without direction."""
        for given in ref.args or ():
            given.expr = self.infer(given.expr)
        matched = self.match_arguments(ref.span, action.name, action.params, ref.args or [], partial=in_list)
        if matched is None:
            return
        ref.bound = []
        for param, arg in zip(action.params, matched, strict=True):
            expr = param.default if arg is None and not in_list else None
            if arg is not None:
                if in_list and param.direction is ast.Direction.NONE:
                    message = f"{param.name} has no direction: its value comes from the control plane"
                    self.error(arg.span, message)
                expr = self._action_argument(param, arg)
            ref.bound.append(ast.BoundArg(param, param.type, expr))

    def _action_argument(self, param: ast.Parameter, arg: ast.Argument) -> ast.Expression:
        if param.direction in (ast.Direction.OUT, ast.Direction.INOUT):
            if self.left_value(arg.expr, f"the argument for {param.name}") and arg.expr.type != param.type:
                message = (
                    f"the argument for {param.name} has type {arg.expr.type}, and {param.type} is needed"
                )
                self.error(arg.span, message)
            return arg.expr
        expr = self.convert(arg.expr, param.type, f"the argument for {param.name}")
        if param.direction is ast.Direction.NONE:
            self.compile_time(expr, f"the argument for {param.name}")
        return expr

    def _listed(self, table: ast.TableDecl, ref: ast.ActionRef) -> ast.ActionRef | None:
        """The element of the action list that `ref` means, after binding; None is reported."""
        action = self._action(ref)
        if action is None:
            return None
        listed = next((a for a in table.actions if a.decl is action), None)
        if listed is None:
            message = f"{action.name} is not among the actions of the table {table.name}: add it there"
            self.error(ref.span, message)
            return None
        self._bind_action(ref, action, in_list=False)
        for given, bound in zip(ref.bound, listed.bound, strict=False):
            if bound.expr is not None and given.expr is not None and not same(bound.expr, given.expr):
                note = Note(bound.expr.span, "in the list of actions")
                message = f"the argument for {given.param.name} differs from the one in the list of actions"
                self.error(given.expr.span, message, note)
        return listed

    def _default_action(self, table: ast.TableDecl, ref: ast.ActionRef) -> None:
        listed = self._listed(table, ref)
        if listed is not None and _has(listed, "tableonly"):
            self.error(ref.span, f"{ref.path.name} is @tableonly and cannot be the default action")

    def _property(self, prop: ast.TableProperty) -> None:
        self.annotations(prop.annotations)
        prop.value = self.infer(prop.value)
        if prop.name == "size":
            of = t.representation(prop.value.type)
            if of not in (t.INT, t.UNKNOWN) and not isinstance(of, t.BitsType):
                self.error(prop.value.span, f"the size of a table is an integer, not {prop.value.type}")
            else:
                self.compile_time(prop.value, "the size of a table")

    # Entries

    def _entry(self, table: ast.TableDecl, entry: ast.TableEntry) -> None:
        self.annotations(entry.annotations)
        if entry.priority is not None:
            entry.priority = self.infer(entry.priority)
            self.compile_time(entry.priority, "a priority")
        keys = table.keys or []
        if not keys:
            self.error(entry.span, f"the table {table.name} has no key, so it cannot have entries")
            return
        if len(entry.keys) == 1 and len(keys) > 1 and isinstance(entry.keys[0], ast.DontCare):
            span = entry.keys[0].span
            entry.keys = [ast.DontCare(span) for _ in keys]
        if len(entry.keys) == 1 and isinstance(entry.keys[0], ast.ListExpr):
            entry.keys = entry.keys[0].elements
        if len(entry.keys) != len(keys):
            message = f"this entry has {len(entry.keys)} keys, and the table {table.name} has {len(keys)}"
            self.error(entry.span, message)
        else:
            pairs = zip(entry.keys, keys, strict=True)
            entry.keys = [self.keyset_element(k, key.expr.type) for k, key in pairs]
            for element in entry.keys:
                if not isinstance(element, ast.DontCare):
                    self.compile_time(element, "the key of an entry")
        listed = self._listed(table, entry.action)
        if listed is not None and _has(listed, "defaultonly"):
            self.error(
                entry.action.span, f"{entry.action.path.name} is @defaultonly and cannot be in an entry"
            )

    def keyset_element(self, expr: ast.Expression, of: t.Type) -> ast.Expression:
        """A value or set of values for a key of type `of`."""
        checked = self.infer(expr)
        return self.fit_keyset(checked, of)

    def fit_keyset(self, expr: ast.Expression, of: t.Type) -> ast.Expression:
        """The same for an expression that has its type already."""
        base = t.representation(of)
        match expr:
            case ast.DontCare():
                expr.type = t.SetType(of)
            case ast.Mask():
                expr.left, expr.right = self._fit_set(expr.left, base), self._fit_set(expr.right, base)
                expr.type = t.SetType(of)
            case ast.Range():
                expr.low, expr.high = self._fit_set(expr.low, base), self._fit_set(expr.high, base)
                expr.type = t.SetType(of)
            case _ if isinstance(expr.type, t.SetType):
                if t.UNKNOWN not in (of, expr.type.element) and expr.type.element != of:
                    self.error(
                        expr.span, f"this set has values of type {expr.type.element}, and {of} is needed"
                    )
            case _ if expr.type == of or (expr.type != t.INT and expr.type == base):
                return expr
            case _ if expr.type == t.INT and isinstance(base, t.BitsType):
                return self.cast(expr, base)
            case _:
                return self.convert(expr, base if isinstance(of, t.SerEnumType) else of, "this key")
        return expr

    def _fit_set(self, expr: ast.Expression, base: t.Type) -> ast.Expression:
        return self.convert(expr, base, "this key")


def same(one: ast.Expression, other: ast.Expression) -> bool:
    """Whether two argument expressions name the same thing."""
    match one, other:
        case ast.PathExpr(), ast.PathExpr():
            return one.decl is other.decl
        case ast.Member(), ast.Member():
            return one.name == other.name and same(one.base, other.base)
        case ast.Index(), ast.Index():
            return same(one.base, other.base) and same(one.index, other.index)
        case ast.Slice(), ast.Slice():
            return same(one.base, other.base) and (one.high.value, one.low.value) == (
                other.high.value,
                other.low.value,
            )
        case ast.Cast(), ast.Cast():
            return one.type == other.type and same(one.operand, other.operand)
        case ast.TypeNameExpr(), ast.TypeNameExpr():
            return one.type == other.type
        case ast.Binary(), ast.Binary():
            return one.op == other.op and same(one.left, other.left) and same(one.right, other.right)
        case ast.Unary(), ast.Unary():
            return one.op == other.op and same(one.operand, other.operand)
        case ast.Call(), ast.Call():
            return (one.builtin, one.decl) == (other.builtin, other.decl) and all(
                same(a.expr, b.expr) for a, b in zip(one.args, other.args, strict=False)
            )
        case ast.StructExpr(), ast.StructExpr():
            pairs = zip(one.fields, other.fields, strict=False)
            return one.type == other.type and all(same(a.expr, b.expr) for a, b in pairs)
        case ast.ListExpr(), ast.ListExpr():
            return one.type == other.type and all(map(same, one.elements, other.elements))
    return one.value is not None and one.value == other.value


def _has(ref: ast.ActionRef, annotation: str) -> bool:
    return any(a.name == annotation for a in ref.annotations)
