"""Expressions of all kinds to C: conditions, headers and unions beside the integers of `numbers`."""

from __future__ import annotations

from typing import Final

from testbed.p4.switch.model import (
    Binary,
    Bool,
    Const,
    Expr,
    HeaderRef,
    HeaderType,
    StackItem,
    Ternary,
    Unary,
    UnionMember,
    UnionRef,
    UnionStackItem,
)
from testbed.p4.switch.native.codegen.bounds import header_type
from testbed.p4.switch.native.codegen.layout import Place, UnionPlace, is_wide
from testbed.p4.switch.native.codegen.numbers import Numbers, fit

_COMPARE: Final = frozenset(["==", "!=", "<", "<=", ">", ">="])


class Values(Numbers):
    """Writes expressions of one function."""

    # -- truth -----------------------------------------------------------------------------------------------

    def truth(self, expr: Expr) -> str:
        """A C condition."""
        match expr:
            case Bool(value):
                return "1" if value else "0"
            case Unary("not", arg):
                return f"!({self.truth(arg)})"
            case Unary("d2b", arg):
                return self.nonzero(arg)
            case Unary("valid", arg):
                return self.header(arg).valid
            case Unary("valid_union", arg):
                place = self.union(arg)
                return "(" + " | ".join(f"{place.c}.m{i}.valid" for i in range(len(place.members))) + ")"
            case Binary("and", left, right):
                return f"(({self.truth(left)}) && ({self.truth(right)}))"
            case Binary("or", left, right):
                return f"(({self.truth(left)}) || ({self.truth(right)}))"
            case Binary(op, left, right) if op in _COMPARE:
                return self._compare(op, left, right)
            case Ternary(cond, left, right):
                return f"(({self.truth(cond)}) ? ({self.truth(left)}) : ({self.truth(right)}))"
            case _:
                raise TypeError(expr)

    def nonzero(self, arg: Expr) -> str:
        """Condition: an integer is not 0."""
        exact = fit(self.bounds(arg))
        value = self.number(arg, exact)
        return f"({value} != 0)" if exact <= 128 else f"(!vs_w_zero({value}, {exact // 64}))"

    def _compare(self, op: str, left: Expr, right: Expr) -> str:
        if op in ("==", "!="):
            equal = self._equal_objects(left, right)
            if equal is not None:
                return equal if op == "==" else f"!({equal})"
        a, b = self.bounds(left), self.bounds(right)
        exact, signed = fit(a, b), min(a[0], b[0]) < 0
        x, y = self.number(left, exact), self.number(right, exact)
        if exact > 128:
            return f"(vs_w_cmp({x}, {y}, {exact // 64}, {int(signed)}) {op} 0)"
        if signed and op not in ("==", "!="):
            return f"((i{exact})({x}) {op} (i{exact})({y}))"
        return f"({x} {op} {y})"

    def _equal_objects(self, left: Expr, right: Expr) -> str | None:
        """Equality of truth values, headers or unions; None: they are integers."""
        if _is_truth(left):
            return f"(!({self.truth(left)}) == !({self.truth(right)}))"
        if _is_header(left):
            return self._equal_headers(self.header(left), self.header(right))
        if isinstance(left, UnionRef | UnionStackItem):
            a, b = self.union(left), self.union(right)
            members = zip(_members(a), _members(b), strict=True)
            return "(" + " || ".join(self._equal_headers(x, y) for x, y in members) + ")"
        return None

    def _equal_headers(self, a: Place, b: Place) -> str:
        terms = [a.valid, b.valid]
        for i, field in enumerate(a.type.fields):
            if not is_wide(field):
                terms.append(f"{a.field(i)} == {b.field(i)}")
                continue
            if field.varbit:
                terms.append(f"{a.bits(i)} == {b.bits(i)}")
            terms.append(f"memcmp({a.field(i)}, {b.field(i)}, sizeof {a.field(i)}) == 0")
        return "(" + " && ".join(terms) + ")"

    # -- headers ---------------------------------------------------------------------------------------------

    def header(self, expr: Expr) -> Place:
        """Where a header is. One that is not there reads 0, and what is written to it is lost."""
        match expr:
            case HeaderRef(position):
                return self.layout.header(position)
            case StackItem(stack, index):
                s = self._program.stacks[stack]
                if isinstance(index, Const) and 0 <= index.value < len(s.headers):
                    return self.layout.header(s.headers[index.value])
                c = self._item(self.layout.stack(stack), len(s.headers), self.layout.struct(s.type), index)
                return Place(c, s.type)
            case UnionMember(union_expr, member):
                place = self.union(union_expr)
                return Place(f"{place.c}.m{member}", place.members[member], False, place, member)
            case Ternary(cond, left, right):
                return self._either(
                    cond, self.header(left), self.header(right), header_type(self._program, expr)
                )
            case _:
                raise TypeError(expr)

    def union(self, expr: Expr) -> UnionPlace:
        """Where a union is."""
        match expr:
            case UnionRef(position):
                return self.layout.union(position)
            case UnionStackItem(stack, index):
                unions = self._program.union_stacks[stack].unions
                if isinstance(index, Const) and 0 <= index.value < len(unions):
                    return self.layout.union(unions[index.value])
                members = self.layout.union(unions[0]).members
                struct = self.layout.union_struct(members)
                c = self._item(self.layout.union_stack(stack), len(unions), struct, index)
                return UnionPlace(c, members)
            case _:
                raise TypeError(expr)

    def _item(self, array: str, size: int, struct: str, index: Expr) -> str:
        name, at = self.w.fresh("h"), self.index(index)
        self.w.line(f"{struct} {name}_none = {{0}};")
        self.w.line(f"const u64 {name}_at = {at};")
        self.w.line(f"{struct} *{name} = {name}_at < {size} ? &{array}[{name}_at] : &{name}_none;")
        return f"(*{name})"

    def _either(self, cond: Expr, left: Place, right: Place, of: HeaderType) -> Place:
        name = self.w.fresh("h")
        struct = self.layout.struct(of)
        self.w.line(f"{struct} *{name} = {self.truth(cond)} ? &{left.c} : &{right.c};")
        return Place(f"(*{name})", of)


def _members(union: UnionPlace) -> list[Place]:
    return [Place(f"{union.c}.m{i}", t, False, union, i) for i, t in enumerate(union.members)]


def _is_truth(expr: Expr) -> bool:
    match expr:
        case Bool() | Unary("not" | "d2b" | "valid" | "valid_union") | Binary("and" | "or"):
            return True
        case Binary(op):
            return op in _COMPARE
        case Ternary(_, left, _):
            return _is_truth(left)
        case _:
            return False


def _is_header(expr: Expr) -> bool:
    match expr:
        case HeaderRef() | StackItem() | UnionMember():
            return True
        case Ternary(_, left, _):
            return _is_header(left)
        case _:
            return False
