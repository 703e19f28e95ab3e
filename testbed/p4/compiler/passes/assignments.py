"""First layer of `body`: assignments of values of any type, and copies of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ir
from testbed.p4.compiler.passes import effects, fold, values
from testbed.p4.compiler.passes.narrow import expect
from testbed.p4.compiler.passes.unit import RefusedError, Unit
from testbed.p4.compiler.passes.values import (
    CopyOut,
    Env,
    Frame,
    HeaderLiteral,
    SliceTarget,
    StackLiteral,
    StructValue,
    Target,
    Value,
)

if TYPE_CHECKING:
    from testbed.p4.compiler.source import Span


class Assignments:
    """Appends assignments. `block` is where the code runs: parser, ingress, egress ..."""

    def __init__(self, unit: Unit, env: Env, block: str, out: list[ir.Stmt], frame: Frame) -> None:
        self.unit = unit
        self.env = env
        self.block = block
        self.out = out
        self.frame = frame
        self.may_extract = False  # whether `next` is a target

    # --- copies --------------------------------------------------------------------------------------------

    def save(self, value: Target, span: Span, hint: str = "tmp", at: int | None = None) -> Value:
        """A copy of a value that later code does not change; the statements go to position `at` (end)."""
        made: list[ir.Stmt] = []

        def copy(leaf: values.Leaf) -> values.Leaf:
            match leaf:
                case ir.Const() | ir.Param():
                    return leaf
                case ir.Expr():
                    target = self.unit.allocate(leaf.type, hint, span)
                    target = expect(target, ir.Field)
                    made.append(ir.Assign(span, target, leaf))
                    return target
                case ir.Stack():
                    stack = self.unit.new_stack(hint, leaf.layout, leaf.size)
                    made.append(ir.AssignStack(span, stack, leaf))
                    return stack
                case ir.Union() | ir.UnionStack():
                    raise RefusedError(span, "a header union that changes while it is used is not supported")
            header = self.unit.new_header(hint, leaf.layout)
            made.append(ir.AssignHeader(span, header, leaf))
            return header

        saved = values.map_leaves(self.current(value), copy)
        position = len(self.out) if at is None else at
        self.out[position:position] = made
        return saved

    def save_scalar(self, value: ir.Expr, span: Span, hint: str = "tmp") -> ir.Expr:
        """A copy of a scalar, see `save`."""
        return expect(self.save(value, span, hint), ir.Expr)

    def protect(self, earlier: list[Value], before: int, span: Span) -> None:
        """Save those of the `earlier` values that statements appended since position `before` change."""
        if len(self.out) == before or not earlier:
            return
        changed = list(effects.writes(self.out[before:]))
        for i, old in enumerate(earlier):
            if not effects.disjoint(values.reads(old), changed):
                count = len(self.out)
                earlier[i] = self.save(old, span, at=before)
                before += len(self.out) - count

    # --- targets -------------------------------------------------------------------------------------------

    def current(self, target: Target) -> Value:
        """The value that a target has now."""
        if isinstance(target, SliceTarget):
            return fold.slice_(target.base, target.high, target.low)
        return target

    def freeze(self, target: Target, span: Span) -> Target:
        """The target with indices saved, so that later code does not change which element is meant."""

        def fix(leaf: values.Leaf) -> values.Leaf:
            match leaf:
                case ir.StackElement(stack, index):
                    return ir.StackElement(stack, self.save_scalar(index, span, "index"))
                case ir.StackLast(stack):
                    return ir.StackElement(stack, self.save_scalar(ir.LastIndex(stack), span, "index"))
                case ir.Field(header, name, type_):
                    return ir.Field(expect(fix(header), ir.HeaderRef), name, type_)
            return leaf

        if isinstance(target, SliceTarget):
            return SliceTarget(expect(fix(target.base), ir.Field), target.high, target.low)
        return values.map_leaves(target, fix)

    # --- assignment --------------------------------------------------------------------------------------

    def assign(self, target: Target, source: Value, span: Span) -> None:
        """Append `target = source` for any types."""
        match target, source:
            case (SliceTarget(base, high, low), ir.Expr()):
                whole = fold.replace_slice(base, high, low, source)
                self.out.append(ir.Assign(span, base, whole))
            case (ir.Field(), ir.Expr()):
                if target != source:
                    self.out.append(ir.Assign(span, target, fold.cast(source, target.type)))
            case (StructValue(fields=parts), StructValue(fields=new)):
                self._assign_parts(list(parts.values()), target, source, list(new.values()), span)
            case (ir.Stack(), ir.Stack()):
                if target != source:
                    self.out.append(ir.AssignStack(span, target, source))
            case (ir.Stack(), StackLiteral(elements)):
                self._assign_parts(
                    [target.element(i) for i in range(len(elements))], target, source, list(elements), span
                )
            case (ir.Union(members=parts), ir.Union(members=new)):
                # One by one: simple_switch's assign_union loses the fields of a union's second header.
                for (_, part), (_, value) in zip(parts, new, strict=True):
                    self.assign(part, value, span)
            case (ir.UnionStack(), ir.UnionStack()):
                if target != source:
                    self.out.append(ir.AssignUnionStack(span, target, source))
            case (ir.HeaderRef(), ir.HeaderRef()):
                if target != source:
                    self.out.append(ir.AssignHeader(span, target, source))
            case (ir.HeaderRef(), HeaderLiteral()):
                self._assign_literal(target, source, span)
            case _:
                raise RefusedError(span, "this assignment is not supported")

    def _assign_parts(
        self, parts: list[Value], target: Target, source: Value, new: list[Value], span: Span
    ) -> None:
        if not isinstance(source, StructValue) or source != target:
            pairs = [(p, n) for p, n in zip(parts, new, strict=True) if p != n]
            for i, (part, _) in enumerate(pairs):
                changed = list(values.places(part))
                for j in range(i + 1, len(pairs)):
                    later, value = pairs[j]
                    if not effects.disjoint(values.reads(value), changed):
                        pairs[j] = (later, self.save(value, span))
            for part, value in pairs:
                self.assign(part, value, span)

    def _assign_literal(self, target: ir.HeaderRef, source: HeaderLiteral, span: Span) -> None:
        if source.valid and not effects.disjoint(values.reads(source), [effects.place_of(target)]):
            source = expect(self.save(source, span), HeaderLiteral)
        self.out.append(ir.SetValid(span, target, source.valid))
        for name, value in source.fields.items():
            self.out.append(ir.Assign(span, ir.Field(target, name, value.type), value))

    def copy_out(self, copies: list[CopyOut], span: Span) -> None:
        """Append the assignments that end a call."""
        for copy in copies:
            self.assign(copy.target, copy.source, span)
