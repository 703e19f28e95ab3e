"""Sizes of types in bits, as minSizeInBits and maxSizeInBits give them (specification, section 9)."""

from __future__ import annotations

from testbed.p4.compiler import types as t


def size_in_bits(of: t.Type, *, most: bool) -> int | None:
    """The least or greatest (`most`) size of a value of the type; None if it has no size."""
    of = t.representation(of)
    match of:
        case t.BitsType(width):
            return width
        case t.VarbitType(width):
            return width if most else 0
        case t.BOOL:
            return 1
        case t.StructType(fields=fields) | t.HeaderType(fields=fields):
            return _total([f.type for f in fields], most)
        case t.HeaderUnionType(fields=fields):
            sizes = [size_in_bits(f.type, most=most) for f in fields]
            known = [s for s in sizes if s is not None]
            if len(known) != len(sizes) or not known:
                return None
            return max(known) if most else min(known)
        case t.TupleType(elements):
            return _total(list(elements), most)
        case t.StackType(element, size):
            one = size_in_bits(element, most=most)
            return None if one is None else one * size
    return None


def _total(types: list[t.Type], most: bool) -> int | None:
    sizes = [size_in_bits(of, most=most) for of in types]
    known = [s for s in sizes if s is not None]
    return sum(known) if len(known) == len(sizes) else None
