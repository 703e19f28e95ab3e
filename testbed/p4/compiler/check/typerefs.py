"""From types as written to types (P4_16 specification 1.2.5, section 7)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.scope import ScopeKeeper
from testbed.p4.compiler.diagnostics import Note, a_or_an

MAX_WIDTH = 1 << 20
"""Bits; wider types are refused as mistakes."""

_BASE = {
    "bool": t.BOOL,
    "error": t.ERROR,
    "match_kind": t.MATCH_KIND,
    "string": t.STRING,
    "int": t.INT,
    "void": t.VOID,
    "_": t.DONT_CARE,
}

_COMPOSITE: dict[type[ast.Declaration], type[t.CompositeType]] = {
    ast.StructDecl: t.StructType,
    ast.HeaderDecl: t.HeaderType,
    ast.HeaderUnionDecl: t.HeaderUnionType,
}


class TypeResolver(ScopeKeeper):
    """Resolves types; the declarations' own types are computed once."""

    def constant_int(self, expr: ast.Expression, what: str) -> int | None:
        """The value of a constant expression; None (reported) if it has none."""
        raise NotImplementedError

    def resolve(self, ref: ast.TypeRef) -> t.Type:
        """The type that `ref` means; UNKNOWN after an error."""
        ref.type = self._resolve(ref)
        return ref.type

    def _resolve(self, ref: ast.TypeRef) -> t.Type:
        match ref:
            case ast.BaseTypeRef(name=name):
                return _BASE[name]
            case ast.BitsTypeRef():
                return self._sized(ref)
            case ast.TypeName():
                declaration = self._type_declaration(ref)
                return t.UNKNOWN if declaration is None else self._plain(ref, declaration)
            case ast.SpecializedTypeRef():
                return self._specialized(ref)
            case ast.StackTypeRef(element=element, size=size):
                return self._stack(element, size)
            case ast.TupleTypeRef(keyword=keyword, elements=elements):
                types = tuple(self.complete(e, self.resolve(e)) for e in elements)
                if keyword == "list":
                    return t.ListType(types[0])
                for element, of in zip(elements, types, strict=True):
                    if of != t.UNKNOWN and not storable(of):
                        self.error(element.span, f"a tuple cannot have an element of type {of}")
                        return t.UNKNOWN
                return t.TupleType(types)
        raise AssertionError(ref)

    def _sized(self, ref: ast.BitsTypeRef) -> t.Type:
        if ref.width is None:
            return t.bits(1)
        width = self.constant_int(ref.width, f"the width of {ref.keyword}")
        if width is None:
            return t.UNKNOWN
        least = 1 if ref.keyword == "int" else 0
        if not least <= width <= MAX_WIDTH:
            self.error(ref.width.span, f"a width of {width} bits: {ref.keyword} has {least} to {MAX_WIDTH}")
            return t.UNKNOWN
        if ref.keyword == "varbit":
            return t.VarbitType(width)
        return t.bits(width, signed=ref.keyword == "int")

    def _stack(self, element_ref: ast.TypeRef, size_expr: ast.Expression) -> t.Type:
        element = self.resolve(element_ref)
        size = self.constant_int(size_expr, "the size of a header stack")
        if size is None or element == t.UNKNOWN:
            return t.UNKNOWN
        if size < 0 or size > MAX_WIDTH:
            self.error(size_expr.span, f"a header stack cannot have {size} elements")
            return t.UNKNOWN
        if not storable(element):
            self.error(element_ref.span, f"an array cannot have elements of type {element}")
            return t.UNKNOWN
        return t.StackType(element, size)

    def _type_declaration(self, ref: ast.TypeName) -> ast.TypeDecl | ast.TypeParam | None:
        found = self.lookup(ref.span, ref.name, absolute=ref.absolute)
        if not found:
            return None
        declaration = found[0]
        if isinstance(declaration, ast.TypeDecl | ast.TypeParam):
            ref.decl = declaration
            return declaration
        note = Note(declaration.span, f"{ref.name} is declared here")
        self.error(ref.span, f"{ref.name} is {a_or_an(declaration.kind)}, not a type", note)
        return None

    def _plain(self, ref: ast.TypeName, declaration: ast.TypeDecl | ast.TypeParam) -> t.Type:
        """The type of a name without type arguments."""
        inside = self.enclosing(ast.ParserDecl, ast.ControlDecl)
        if inside is declaration:
            self.error(ref.span, f"{ref.name} cannot refer to itself")
            return t.UNKNOWN
        return self.declared_type(declaration)

    def declared_type(self, declaration: ast.TypeDecl | ast.TypeParam) -> t.Type:
        """The type that a declaration introduces, its type parameters open."""
        if isinstance(declaration, ast.TypeParam):
            return t.TypeVar(declaration)
        known = declaration.type
        if known == t.UNKNOWN:
            known = declaration.type = self._declared_type(declaration)
        return known

    def _declared_type(self, declaration: ast.TypeDecl) -> t.Type:
        match declaration:
            case ast.StructLikeDecl(fields=fields):
                all_fields = tuple(t.Field(f.name, f.type, f) for f in fields)
                return _COMPOSITE[type(declaration)](declaration, type_vars(declaration), all_fields)
            case ast.EnumDecl():
                return t.EnumType(declaration)
            case ast.ParserTypeDecl() | ast.ParserDecl():
                return t.ParserType(declaration, type_vars(declaration))
            case ast.ControlTypeDecl() | ast.ControlDecl():
                return t.ControlType(declaration, type_vars(declaration))
            case ast.PackageTypeDecl():
                return t.PackageType(declaration, type_vars(declaration))
            case ast.ExternDecl():
                return t.ExternType(declaration, type_vars(declaration))
        return t.UNKNOWN  # typedefs, newtypes and serializable enums have theirs set when declared

    def _specialized(self, ref: ast.SpecializedTypeRef) -> t.Type:
        declaration = self._type_declaration(ref.base)
        args = tuple(self.resolve(a) for a in ref.args)
        if declaration is None or t.UNKNOWN in args:
            return t.UNKNOWN
        generic = self._plain(ref.base, declaration)
        params = type_params(declaration)
        if generic == t.UNKNOWN:
            return t.UNKNOWN
        if len(args) != len(params):
            takes = f"takes {len(params)} type arguments" if params else "is not generic"
            self.error(ref.span, f"{ref.base.name} {takes}, and {len(args)} are given")
            return t.UNKNOWN
        for arg_ref, arg in zip(ref.args, args, strict=True):
            if self.complete(arg_ref, arg) == t.UNKNOWN or not self._argument_type(arg_ref, arg, declaration):
                return t.UNKNOWN
        specialized = t.substitute(generic, dict(zip(map(t.TypeVar, params), args, strict=True)))
        self._check_parts(ref, specialized)
        return specialized

    def _argument_type(self, ref: ast.TypeRef, of: t.Type, generic: ast.Declaration) -> bool:
        """Whether a type can be a type argument; reported if not."""
        if isinstance(of, t.ParserType | t.ControlType | t.PackageType):
            self.error(ref.span, f"{of} cannot be a type argument")
            return False
        if t.contains(of, lambda part: getattr(part, "decl", None) is generic):
            self.error(ref.span, f"{generic.name} cannot be a type argument of itself")
            return False
        return True

    def _check_parts(self, ref: ast.TypeRef, of: t.Type) -> None:
        """What a specialized struct, header or union has become must be legal."""
        if not isinstance(of, t.CompositeType):
            return
        for field in of.fields:
            if not may_contain(of.decl, field.type):
                message = (
                    f"the field {field.name} of {of} has type {field.type}, which a {of.keyword} cannot hold"
                )
                self.error(ref.span, message)

    def complete(self, ref: ast.TypeRef, of: t.Type) -> t.Type:
        """`of`, or UNKNOWN (reported) if it is a generic type without its arguments."""
        params = tuple(map(t.TypeVar, type_params(getattr(of, "decl", None))))
        if params and getattr(of, "args", ()) == params and isinstance(ref, ast.TypeName):
            names = ", ".join(map(str, params))
            self.error(ref.span, f"{ref.name} is generic and needs type arguments: {ref.name}<{names}>")
            return t.UNKNOWN
        return of


def storable(of: t.Type) -> bool:
    """Whether values of the type can be kept in variables, tuples and arrays."""
    return not isinstance(
        of, t.ExternType | t.ParserType | t.ControlType | t.PackageType | t.SetType | t.TableType
    ) and of not in (t.VOID, t.DONT_CARE, t.STATE)


def may_contain(declaration: ast.StructLikeDecl, of: t.Type) -> bool:
    """Whether a struct, header or union can have a field of a type (specification, section 7.2.8)."""
    of = t.representation(of)
    if isinstance(of, t.TypeVar) or of == t.UNKNOWN:
        return True
    match declaration:
        case ast.HeaderUnionDecl():
            return isinstance(of, t.HeaderType)
        case ast.HeaderDecl():
            return isinstance(of, t.VarbitType) or _is_bits(of)
    return isinstance(
        of, t.BitsType | t.VarbitType | t.EnumType | t.CompositeType | t.StackType | t.TupleType | t.ListType
    ) or (of in (t.BOOL, t.ERROR, t.MATCH_KIND))


def _is_bits(of: t.Type) -> bool:
    """Whether a value is just bits: what headers hold."""
    of = t.representation(of)
    match of:
        case t.StructType(fields=fields):
            return all(_is_bits(f.type) for f in fields)
        case t.StackType(element):
            return _is_bits(element)
    return isinstance(of, t.BitsType | t.TypeVar) or of == t.BOOL


def type_params(declaration: ast.Declaration | None) -> list[ast.TypeParam]:
    """The type parameters of a declaration; most kinds have none."""
    return getattr(declaration, "type_params", [])


def type_vars(declaration: ast.Declaration) -> tuple[t.TypeVar, ...]:
    """The same as types."""
    return tuple(map(t.TypeVar, type_params(declaration)))
