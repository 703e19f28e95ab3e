"""Types, annotations and expressions (P4_16 grammar: typeRef, annotations, expression)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler.lexer import END, NUMBER, TEXT, WORD, Token
from testbed.p4.compiler.parser.cursor import NAME_KINDS, Cursor, ParseError
from testbed.p4.compiler.parser.literals import parse_number, string_value

_BASE_TYPES = frozenset(("bool", "error", "match_kind", "string", "void"))
_SIZED_TYPES = frozenset(("bit", "int", "varbit"))
TYPE_KEYWORDS = _BASE_TYPES | _SIZED_TYPES | {"tuple", "list"}

_PRECEDENCE = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "|": 5, "^": 6, "&": 7, "<<": 8,
    "++": 9, "+": 9, "-": 9, "|+|": 9, "|-|": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip
_SHIFT_PRECEDENCE = 8
_PREFIX = frozenset("-+~!")
_OF_EXPRESSIONS = frozenset(("field_list",))  # annotations whose body is a list of expressions


class ExpressionParser(Cursor):
    """Expressions and what they need: types and annotations."""

    # Types

    def type_ref(self) -> ast.TypeRef:
        """A type as written, with header stack suffixes."""
        self.deeper()
        try:
            start = self.span
            ref = self._unsuffixed_type()
            while self.accept("["):
                size = self.expression()
                self.expect("]", "after the size of the stack")
                ref = ast.StackTypeRef(self.since(start), ref, size)
            return ref
        finally:
            self.nesting -= 1

    def _unsuffixed_type(self) -> ast.TypeRef:
        start, kind = self.span, self.kinds[self.at]
        if kind in _SIZED_TYPES:
            self.at += 1
            if not self.accept("<"):
                if kind == "varbit":
                    raise self.unexpected("'<' after varbit")
                return ast.BaseTypeRef(start, "int") if kind == "int" else ast.BitsTypeRef(start, kind, None)
            width = self.expression(no_greater=True)
            self.expect(">", f"after the width of {kind}")
            return ast.BitsTypeRef(self.since(start), kind, width)
        if kind in _BASE_TYPES:
            self.at += 1
            return ast.BaseTypeRef(start, kind)
        if kind in ("tuple", "list") and self.kinds[self.at + 1] == "<":
            self.at += 1
            elements = self.type_args()
            if kind == "list" and len(elements) != 1:
                raise ParseError(self.since(start), "list takes one type: list<T>")
            return ast.TupleTypeRef(self.since(start), kind, elements)
        absolute = self.accept(".")
        token = self.name("a type")
        name = ast.TypeName(self.since(start), token.text, absolute)
        if self.kinds[self.at] == "<":
            args = self.type_args()
            return ast.SpecializedTypeRef(self.since(start), name, args)
        return name

    def type_args(self) -> list[ast.TypeRef]:
        """`<T, U, ...>`, possibly empty."""
        self.expect("<", "before type arguments")
        args: list[ast.TypeRef] = []
        while self.kinds[self.at] != ">":
            if self.kinds[self.at] == "_":
                args.append(ast.BaseTypeRef(self.take().span, "_"))
            else:
                args.append(self.type_ref())
            if not self.accept(","):
                break
        self.expect(">", "after type arguments")
        return args

    def starts_type(self) -> bool:
        """Whether the token at hand can begin a type (and a name does mean one)."""
        kind = self.kinds[self.at]
        if kind == "list":
            return self.kinds[self.at + 1] == "<"
        if kind in TYPE_KEYWORDS:
            return True
        if kind == ".":
            return self.kinds[self.at + 1] in NAME_KINDS and bool(
                self.scopes[0].get(self.tokens[self.at + 1].text)
            )
        return kind in NAME_KINDS and self.is_type(self.tokens[self.at].text)

    # Annotations

    def annotations(self) -> list[ast.Annotation]:
        """All annotations at hand."""
        out: list[ast.Annotation] = []
        while self.kinds[self.at] == "@":
            out.append(self._annotation())
        return out

    def _annotation(self) -> ast.Annotation:
        start = self.take().span
        token = self.take()
        if token.kind != WORD:
            raise ParseError(token.span, f"expected the name of an annotation after '@', not '{token.text}'")
        if token.text == "pragma":
            return self._pragma(start)
        annotation = ast.Annotation(start, token.text)
        if self.accept("("):
            body = self.at
            self._annotation_body(annotation)
            if token.text in _OF_EXPRESSIONS:
                self.at = body
                annotation.exprs = self._annotation_expressions(annotation)
        elif self.accept("["):
            self._structured_body(annotation)
        annotation.span = self.since(start)
        return annotation

    def _pragma(self, start: ast.Span) -> ast.Annotation:
        """`@pragma name text...` up to the line's end."""
        line = (start.file, start.line)
        token = self.take()
        annotation = ast.Annotation(start, token.text)
        while self.kinds[self.at] != END and (self.span.file, self.span.line) == line:
            self._annotation_token(annotation, self.take())
        annotation.span = self.since(start)
        return annotation

    def _annotation_body(self, annotation: ast.Annotation) -> None:
        depth = 0
        while True:
            token = self.take()
            if token.kind == END:
                raise ParseError(token.span, f"the annotation @{annotation.name} has no closing ')'")
            if token.kind == ")":
                if depth == 0:
                    break
                depth -= 1
            elif token.kind == "(":
                depth += 1
            self._annotation_token(annotation, token)
        values, commas = annotation.tokens[::2], annotation.tokens[1::2]
        if any(c != "," for c in commas) or len(annotation.args) != len(values):
            annotation.args = []

    def _annotation_expressions(self, annotation: ast.Annotation) -> list[ast.Expression]:
        exprs = [self.expression()]
        while self.accept(","):
            exprs.append(self.expression())
        self.expect(")", f"after the annotation @{annotation.name}")
        return exprs

    @staticmethod
    def _annotation_token(annotation: ast.Annotation, token: Token) -> None:
        annotation.tokens.append(token.text)
        if token.kind == TEXT:
            annotation.args.append(string_value(token.text))
        elif token.kind == NUMBER and (number := parse_number(token.text)):
            annotation.args.append(number.value)

    def _structured_body(self, annotation: ast.Annotation) -> None:
        annotation.entries = []
        while self.kinds[self.at] != "]":
            start, key = self.span, None
            if self.kinds[self.at] in NAME_KINDS and self.kinds[self.at + 1] == "=":
                key = self.take().text
                self.take()
            value = self.expression()
            annotation.entries.append(ast.AnnotationEntry(self.since(start), key, value))
            if not self.accept(","):
                break
        self.expect("]", f"after the annotation @{annotation.name}")

    # Expressions

    def expression(self, *, no_greater: bool = False) -> ast.Expression:
        """An expression; with `no_greater` the first `>` outside parentheses ends it."""
        self.deeper()
        try:
            start = self.span
            condition = self._binary(1, no_greater)
            if not self.accept("?"):
                return condition
            then = self.expression()
            self.expect(":", "between the branches of '?'")
            otherwise = self.expression(no_greater=no_greater)
            return ast.Ternary(self.since(start), condition, then, otherwise)
        finally:
            self.nesting -= 1

    def _binary(self, least: int, no_greater: bool) -> ast.Expression:
        start = self.span
        left = self._unary()
        kinds = self.kinds
        while (precedence := _PRECEDENCE.get(op := kinds[self.at], 0)) > 0:
            if op == ">":
                if no_greater or self.adjacent(">="):
                    break
                if self.adjacent(">"):
                    op, precedence = ">>", _SHIFT_PRECEDENCE
            if precedence < least:
                break
            self.at += 2 if op == ">>" else 1
            right = self._binary(precedence + 1, no_greater)
            left = ast.Binary(self.since(start), op, left, right)
        return left

    def _unary(self) -> ast.Expression:
        kind = self.kinds[self.at]
        if kind in _PREFIX:
            start = self.take().span
            operand = self._operand()
            return ast.Unary(self.since(start), kind, operand)
        if kind == "(":
            cast = self._cast()
            if cast is not None:
                return cast
        return self.postfix()

    def _operand(self) -> ast.Expression:
        """What a prefix operator or cast applies to."""
        self.deeper()
        try:
            return self._unary()
        finally:
            self.nesting -= 1

    def _cast(self) -> ast.Expression | None:
        """`(type) operand`, or None if the parenthesis opens something else."""
        saved, start = self.at, self.span
        self.at += 1
        if self.starts_type():
            ref = self.attempt_type()
            if ref is not None and self.accept(")"):
                operand = self._operand()
                return ast.Cast(self.since(start), ref, operand)
        self.at = saved
        return None

    def attempt_type(self) -> ast.TypeRef | None:
        """A type if there is one, else None (the place is then undefined)."""
        try:
            return self.type_ref()
        except ParseError:
            return None

    def postfix(self) -> ast.Expression:
        """A primary expression with members, indices, slices and calls."""
        start = self.span
        expr = self._primary()
        while True:
            match self.kinds[self.at]:
                case ".":
                    self.at += 1
                    name = self.name("the name of a member after '.'")
                    expr = ast.Member(self.since(start), expr, name.text)
                case "(":
                    expr = self.call(start, expr, [])
                case "[":
                    expr = self._index(start, expr)
                case "<":
                    type_args = self._call_type_args()
                    if type_args is None:
                        return expr
                    expr = self.call(start, expr, type_args)
                case _:
                    return expr

    def call(self, start: ast.Span, func: ast.Expression, type_args: list[ast.TypeRef]) -> ast.Call:
        """A call, from its `(`."""
        args = self.arguments()
        return ast.Call(self.since(start), func, type_args, args)

    def _call_type_args(self) -> list[ast.TypeRef] | None:
        """`<types>` if a call follows, else None and nothing is taken: a comparison."""
        saved = self.at
        self.at += 1
        plausible = self.kinds[self.at] == "_" or self.starts_type()
        self.at = saved
        if plausible:
            try:
                type_args = self.type_args()
            except ParseError:
                type_args = []
            if type_args and self.kinds[self.at] == "(":
                return type_args
            self.at = saved
        return None

    def arguments(self) -> list[ast.Argument]:
        """`(a, name = b, _)`."""
        self.expect("(", "before arguments")
        args: list[ast.Argument] = []
        while self.kinds[self.at] != ")":
            start, name = self.span, None
            if self.kinds[self.at + 1] == "=" and self.kinds[self.at] in NAME_KINDS:
                name = self.take().text
                self.at += 1
            if self.kinds[self.at] == "_":
                expr: ast.Expression = ast.DontCare(self.take().span)
            else:
                expr = self.expression()
            args.append(ast.Argument(self.since(start), name, expr))
            if not self.accept(","):
                break
        self.expect(")", "after the arguments")
        return args

    def _index(self, start: ast.Span, base: ast.Expression) -> ast.Expression:
        self.at += 1
        first = self.expression()
        if self.accept(":"):
            low = self.expression()
            self.expect("]", "after a slice")
            return ast.Slice(self.since(start), base, first, low)
        if self.accept("+:"):
            width = self.expression()
            self.expect("]", "after a slice")
            return ast.PlusSlice(self.since(start), base, first, width)
        self.expect("]", "after an index")
        return ast.Index(self.since(start), base, first)

    def _primary(self) -> ast.Expression:
        start, kind = self.span, self.kinds[self.at]
        if kind in NAME_KINDS or kind in TYPE_KEYWORDS or kind == ".":
            if self.starts_type():
                return self._type_expression()
            absolute = self.accept(".")
            name = self.name("an expression")
            return ast.PathExpr(self.since(start), name.text, absolute)
        match kind:
            case "number":
                return self.number(self.take())
            case "string literal":
                return ast.StringLiteral(start, string_value(self.take().text))
            case "true" | "false":
                self.at += 1
                return ast.BoolLiteral(start, kind == "true")
            case "(":
                self.at += 1
                expr = self.expression()
                self.expect(")", "after the expression")
                return expr
            case "{":
                return self._braces()
            case "{#}":
                return ast.InvalidHeader(self.take().span)
            case "...":
                return ast.DefaultValue(self.take().span)
            case "this":
                return ast.ThisExpr(self.take().span)
        raise self.unexpected("an expression")

    def _type_expression(self) -> ast.Expression:
        """A type used as a value: base of a member or constructor."""
        start = self.span
        ref = self._unsuffixed_type()
        if self.kinds[self.at] not in (".", "("):
            raise self.unexpected(f"'.' or '(' after the type {self.tokens[self.at - 1].text}")
        return ast.TypeNameExpr(self.since(start), ref)

    def number(self, token: Token) -> ast.IntLiteral:
        """The literal of a number token, reduced to its width."""
        number = parse_number(token.text)
        if number is None:
            raise ParseError(token.span, f"malformed number {token.text}")
        value = number.value
        if number.width is not None:
            if number.width == 0 and (value or number.signed):
                raise ParseError(token.span, f"the number {token.text} does not fit in 0 bits")
            low = -(1 << number.width - 1) if number.signed and number.width else 0
            value = (value - low) % (1 << number.width) + low
            if value != number.value:
                message = f"{number.value} does not fit in {number.width} bits and becomes {value}"
                self.diagnostics.warn("overflow", token.span, message)
        return ast.IntLiteral(token.span, value, number.width, number.signed, number.base)

    def _braces(self) -> ast.Expression:
        """`{a, b}`, `{a = x, b = y, ...}`; a trailing comma is allowed."""
        start = self.take().span
        named = self.kinds[self.at + 1] == "=" and self.kinds[self.at] in NAME_KINDS
        fields: list[ast.NamedExpr] = []
        elements: list[ast.Expression] = []
        while self.kinds[self.at] != "}":
            if named:
                fields.append(self._named_expression())
            else:
                elements.append(self.expression())
            if not self.accept(","):
                break
        self.expect("}", "after the list")
        if named:
            return ast.StructExpr(self.since(start), fields)
        return ast.ListExpr(self.since(start), elements)

    def _named_expression(self) -> ast.NamedExpr:
        start = self.span
        if self.kinds[self.at] == "...":
            return ast.NamedExpr(start, "...", ast.DefaultValue(self.take().span))
        name = self.name("the name of a field")
        self.expect("=", "after the name of a field")
        return ast.NamedExpr(self.since(start), name.text, self.expression())

    # Keysets

    def keyset(self) -> list[ast.Expression]:
        """The keys of a select case or table entry: one, or several in parentheses."""
        saved = self.at
        if self.accept("("):
            keys = self._keyset_tuple()
            if keys is not None:
                return keys
            self.at = saved
        return [self.simple_keyset()]

    def _keyset_tuple(self) -> list[ast.Expression] | None:
        """What is between parentheses, unless these belong to an expression."""
        try:
            keys = [self.simple_keyset()]
        except ParseError:
            return None
        if self.kinds[self.at] == ")" and isinstance(keys[0], ast.Mask | ast.Range | ast.DontCare):
            self.at += 1
            return keys
        if self.kinds[self.at] != ",":
            return None
        while self.accept(","):
            keys.append(self.simple_keyset())
        self.expect(")", "after the keys")
        return keys

    def simple_keyset(self) -> ast.Expression:
        """`default`, `_`, a value, `value &&& mask` or `low .. high`."""
        start, kind = self.span, self.kinds[self.at]
        if kind in ("default", "_"):
            self.at += 1
            return ast.DontCare(start, kind)
        expr = self.expression()
        if self.accept("&&&"):
            mask = self.expression()
            return ast.Mask(self.since(start), expr, mask)
        if self.accept(".."):
            high = self.expression()
            return ast.Range(self.since(start), expr, high)
        return expr
