"""Top-level declarations: types, externs, parsers, controls (P4_16 grammar: declaration)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler.lexer import END
from testbed.p4.compiler.parser.cursor import NAME_KINDS, ParseError, UnclosedBlockError
from testbed.p4.compiler.parser.tables import TableParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.p4.compiler.diagnostics import Diagnostics
    from testbed.p4.compiler.lexer import Token

_STRUCT_LIKE = {"struct": ast.StructDecl, "header": ast.HeaderDecl, "header_union": ast.HeaderUnionDecl}


class DeclarationParser(TableParser):
    """Whole programs."""

    def __init__(self, tokens: list[Token], diagnostics: Diagnostics) -> None:
        """See `Cursor`."""
        super().__init__(tokens, diagnostics)
        self.declarations: list[ast.Declaration] = []
        self._by_keyword: dict[str, Callable[[list[ast.Annotation]], ast.Declaration | None]] = {
            "const": self.constant,
            "extern": self._extern,
            "action": self.action,
            "parser": self._parser,
            "control": self._control,
            "package": self._package,
            "struct": self._struct_like,
            "header": self._struct_like,
            "header_union": self._struct_like,
            "enum": self._enum,
            "typedef": self._typedef,
            "type": self._typedef,
        }

    def program(self) -> ast.Program:
        """All declarations; errors are reported and skipped."""
        start = self.span
        while self.kinds[self.at] != END:
            if self.accept(";"):
                continue
            before = self.at
            try:
                declaration = self._declaration()
                if declaration is not None:
                    self.declarations.append(declaration)
            except UnclosedBlockError as error:
                self.report(error)
                break  # whatever follows would be read in the wrong place
            except ParseError as error:
                self.report(error)
                self.nesting = 0
                self.blocks.clear()
                del self.scopes[1:]
                self.recover(in_block=False)
                if self.at == before:
                    self.take()
        return ast.Program(start, self.declarations)

    def _declaration(self) -> ast.Declaration | None:
        annotations = self.annotations()
        kind = self.kinds[self.at]
        parse = self._by_keyword.get(kind)
        if parse is not None:
            return parse(annotations)
        if kind in ("error", "match_kind") and self.kinds[self.at + 1] == "{":
            return self._error() if kind == "error" else self._match_kind()
        if kind in ("table", "state"):
            where = "control" if kind == "table" else "parser"
            raise ParseError(self.span, f"a {kind} stands inside a {where}, not here")
        if kind not in NAME_KINDS and not self.starts_type() and kind not in ("void", "."):
            raise self.unexpected("a declaration")
        ref = self.type_ref()
        if self.kinds[self.at] == "(":
            return self.instance(ref, annotations)
        if self.kinds[self.at] in NAME_KINDS and self.kinds[self.at + 1] in ("=", ";"):
            message = (
                "variables stand inside parsers, controls, actions and functions; here only constants can"
            )
            raise ParseError(self.span, message)
        return self.function(ref, annotations)

    # Types

    def _type_name(self, what: str) -> Token:
        name = self.name(f"a name for the {what}")
        self.declare(name.text, is_type=True)
        return name

    def _struct_like(self, annotations: list[ast.Annotation]) -> ast.Declaration:
        keyword = self.take().text
        name = self._type_name(keyword)
        with self.scope():
            type_params = self.type_params()
            self.expect("{", f"before the fields of {name.text}")
            fields = self.repeated(self._field)
        self.expect("}", f"after the fields of {name.text}")
        return _STRUCT_LIKE[keyword](name.span, name.text, annotations, type_params, fields)

    def _field(self) -> ast.FieldDecl:
        annotations = self.annotations()
        name, ref = self.declarator(self.type_ref())
        self.expect(";", f"after the field {name.text}")
        return ast.FieldDecl(name.span, name.text, annotations, ref)

    def _enum(self, annotations: list[ast.Annotation]) -> ast.Declaration:
        self.take()
        ref = None
        if not (self.kinds[self.at] in NAME_KINDS and self.kinds[self.at + 1] == "{"):
            ref = self.type_ref()
        name = self._type_name("enum")
        members = self._members(name.text, with_values=ref is not None)
        if ref is None:
            enum = ast.EnumDecl(name.span, name.text, annotations, members)
            for member in members:
                member.owner = enum
            return enum
        serializable = ast.SerEnumDecl(name.span, name.text, annotations, ref, members)
        for member in members:
            member.owner = serializable
        return serializable

    def _members(self, enum: str, *, with_values: bool) -> list[ast.EnumMember]:
        self.expect("{", f"before the members of {enum}")
        members: list[ast.EnumMember] = []
        while self.kinds[self.at] != "}":
            annotations = self.annotations()
            name = self.name(f"the name of a member of {enum}")
            init = None
            if with_values:
                self.expect("=", f"and a value for {enum}.{name.text}, which has an underlying type")
                init = self.expression()
            elif self.kinds[self.at] == "=":
                message = (
                    f"members of {enum} can have values only with an underlying type: enum bit<8> {enum}"
                )
                raise ParseError(self.span, message)
            member = ast.EnumMember(name.span, name.text, annotations, init)
            member.number = len(members)
            members.append(member)
            if not self.accept(","):
                break
        self.expect("}", f"after the members of {enum}")
        return members

    def _error(self) -> ast.ErrorDecl:
        start = self.take().span
        names = self._identifiers("an error")
        members = [ast.ErrorMember(n.span, n.text, []) for n in names]
        return ast.ErrorDecl(start, "error", [], members)

    def _match_kind(self) -> ast.MatchKindDecl:
        start = self.take().span
        members = [ast.MatchKind(n.span, n.text, []) for n in self._identifiers("a match kind")]
        return ast.MatchKindDecl(start, "match_kind", [], members)

    def _identifiers(self, what: str) -> list[Token]:
        self.expect("{", "before the names")
        names: list[Token] = []
        while self.kinds[self.at] != "}":
            names.append(self.name(f"the name of {what}"))
            if not self.accept(","):
                break
        self.expect("}", "after the names")
        return names

    def _typedef(self, annotations: list[ast.Annotation]) -> ast.Declaration:
        """`typedef T name;`, also of a type declared in place, and `type T name;`."""
        keyword = self.take().text
        start = self.at
        inner = self.annotations()
        kind = self.kinds[self.at]
        if keyword == "typedef" and kind in ("struct", "header", "header_union", "enum"):
            declaration = self._struct_like(inner) if kind != "enum" else self._enum(inner)
            self.declarations.append(declaration)
            ref: ast.TypeRef = ast.TypeName(declaration.span, declaration.name)
        else:
            self.at = start
            ref = self.type_ref()
        name, ref = self.declarator(ref)
        self.declare(name.text, is_type=True)
        self.expect(";", f"after the {keyword} {name.text}")
        if keyword == "type":
            return ast.NewTypeDecl(name.span, name.text, annotations, ref)
        return ast.TypedefDecl(name.span, name.text, annotations, ref)

    def _package(self, annotations: list[ast.Annotation]) -> ast.Declaration:
        self.take()
        name = self._type_name("package")
        with self.scope():
            type_params = self.type_params()
            params = self.parameters()
        self.expect(";", f"after the package {name.text}")
        return ast.PackageTypeDecl(name.span, name.text, annotations, type_params, params)

    # Externs

    def _extern(self, annotations: list[ast.Annotation]) -> ast.Declaration | None:
        self.take()
        if self._is_extern_object():
            return self._extern_object(annotations)
        if self.kinds[self.at] in NAME_KINDS and self.kinds[self.at + 1] == ";":
            self._type_name("extern")
            self.take()
            return None
        ref, name, type_params, params = self._prototype()
        self.declare(name.text)
        return ast.ExternFunctionDecl(name.span, name.text, annotations, params, ref, type_params)

    def _is_extern_object(self) -> bool:
        """Whether `name {` or `name<...> {` is at hand."""
        at = self.at
        if self.kinds[at] not in NAME_KINDS:
            return False
        at += 1
        if self.kinds[at] == "<":
            while self.kinds[at] not in (">", "(", ";", END):
                at += 1
            at += self.kinds[at] == ">"
        return self.kinds[at] == "{"

    def _prototype(self) -> tuple[ast.TypeRef, Token, list[ast.TypeParam], list[ast.Parameter]]:
        """`R f<T>(params);`."""
        ref = self.type_ref()
        name = self.name("the name of the function")
        with self.scope():
            type_params = self.type_params()
            params = self.parameters()
        self.expect(";", f"after the declaration of {name.text}")
        return ref, name, type_params, params

    def _extern_object(self, annotations: list[ast.Annotation]) -> ast.ExternDecl:
        name = self._type_name("extern")
        with self.scope():
            type_params = self.type_params()
            self.expect("{", f"before the methods of {name.text}")
            methods = self.repeated(lambda: self._method(name.text))
        self.expect("}", f"after the methods of {name.text}")
        extern = ast.ExternDecl(name.span, name.text, annotations, type_params, methods)
        for method in methods:
            method.owner = extern
        return extern

    def _method(self, extern: str) -> ast.MethodDecl:
        annotations = self.annotations()
        abstract = self.accept("abstract")
        if not abstract and self.kinds[self.at] in NAME_KINDS and self.kinds[self.at + 1] == "(":
            name = self.take()
            if name.text != extern:
                raise ParseError(name.span, f"a method has a return type; a constructor is named {extern}")
            with self.scope():
                params = self.parameters()
            self.expect(";", "after the constructor")
            return ast.MethodDecl(name.span, name.text, annotations, params, None, [])
        ref, name, type_params, params = self._prototype()
        return ast.MethodDecl(name.span, name.text, annotations, params, ref, type_params, abstract)

    # Parsers and controls

    def _parser(self, annotations: list[ast.Annotation]) -> ast.Declaration:
        self.take()
        name = self._type_name("parser")
        with self.scope():
            type_params = self.type_params()
            params = self.parameters()
            if self.accept(";"):
                return ast.ParserTypeDecl(name.span, name.text, annotations, type_params, params)
            constructor_params = self.parameters() if self.kinds[self.at] == "(" else []
            self.expect("{", f"or ';' after the parser {name.text}")
            local_declarations, states = self._parser_body()
            self.expect("}", f"after the parser {name.text}")
        return ast.ParserDecl(
            name.span,
            name.text,
            annotations,
            type_params,
            params,
            constructor_params,
            local_declarations,
            states,
        )

    def _parser_body(self) -> tuple[list[ast.Declaration], list[ast.StateDecl]]:
        states: list[ast.StateDecl] = []
        items = self.repeated(lambda: self._parser_item(states))
        return [d for d in items if d is not None], states

    def _parser_item(self, states: list[ast.StateDecl]) -> ast.Declaration | None:
        """A state, added to `states`, or a local declaration."""
        annotations = self.annotations()
        match self.kinds[self.at]:
            case "state":
                states.append(self._state(annotations))
                return None
            case _ if states:
                raise self.unexpected("a state: a parser's other declarations stand before its states")
            case "const":
                return self.constant(annotations)
            case "value_set":
                return self._value_set(annotations)
        return self.variable_or_instance(annotations)

    def _state(self, annotations: list[ast.Annotation]) -> ast.StateDecl:
        self.take()
        name = self.name("the name of a state")
        self.expect("{", f"to open the state {name.text}")
        with self.scope():
            body = self.statements("transition")
            transition = self._transition() if self.kinds[self.at] == "transition" else None
        self.expect("}", f"after the state {name.text}: a transition is its last statement")
        return ast.StateDecl(name.span, name.text, annotations, body, transition)

    def _transition(self) -> ast.PathExpr | ast.Select:
        self.take()
        if self.kinds[self.at] == "select" and self.kinds[self.at + 1] == "(":
            return self._select()
        name = self.name("the name of a state, or select, after transition")
        self.expect(";", "after the transition")
        return ast.PathExpr(name.span, name.text)

    def _select(self) -> ast.Select:
        start = self.take().span
        self.take()
        exprs: list[ast.Expression] = []
        while self.kinds[self.at] != ")":
            exprs.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")", "after the select expression")
        self.expect("{", "before the cases")
        cases = self.repeated(self._select_case)
        self.expect("}", "after the cases")
        return ast.Select(self.since(start), exprs, cases)

    def _select_case(self) -> ast.SelectCase:
        start = self.span
        keys = self.keyset()
        self.expect(":", "after the keys")
        state = self.name("the name of a state")
        self.expect(";", "after the case")
        return ast.SelectCase(self.since(start), keys, ast.PathExpr(state.span, state.text))

    def _value_set(self, annotations: list[ast.Annotation]) -> ast.ValueSetDecl:
        self.take()
        elements = self.type_args()
        if len(elements) != 1:
            raise ParseError(self.span, "a value_set has one type: value_set<T>(size)")
        self.expect("(", "before the size of the value_set")
        size = self.expression()
        self.expect(")", "after the size of the value_set")
        name = self.name("a name for the value_set")
        self.expect(";", f"after the value_set {name.text}")
        self.declare(name.text)
        return ast.ValueSetDecl(name.span, name.text, annotations, elements[0], size)

    def _control(self, annotations: list[ast.Annotation]) -> ast.Declaration:
        self.take()
        name = self._type_name("control")
        with self.scope():
            type_params = self.type_params()
            params = self.parameters()
            if self.accept(";"):
                return ast.ControlTypeDecl(name.span, name.text, annotations, type_params, params)
            constructor_params = self.parameters() if self.kinds[self.at] == "(" else []
            self.expect("{", f"or ';' after the control {name.text}")
            local_declarations = self._control_locals()
            self.expect("apply", f"{{ ... }} as the last part of the control {name.text}")
            body = self.block(self.annotations())
            self.expect("}", f"after the control {name.text}: apply is its last part")
        return ast.ControlDecl(
            name.span,
            name.text,
            annotations,
            type_params,
            params,
            constructor_params,
            local_declarations,
            body,
        )

    def _control_locals(self) -> list[ast.Declaration]:
        return self.repeated(self._control_local, "apply")

    def _control_local(self) -> ast.Declaration:
        annotations = self.annotations()
        match self.kinds[self.at]:
            case "action":
                return self.action(annotations)
            case "table":
                return self.table(annotations)
            case "const":
                return self.constant(annotations)
        return self.variable_or_instance(annotations)
