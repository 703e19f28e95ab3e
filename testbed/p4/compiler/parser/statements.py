"""Statements, and the declarations that stand among them (P4_16 grammar: statementOrDeclaration)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler.lexer import describe
from testbed.p4.compiler.parser.cursor import NAME_KINDS, ParseError, UnclosedBlockError
from testbed.p4.compiler.parser.expressions import ExpressionParser

if TYPE_CHECKING:
    from testbed.p4.compiler.lexer import Token

_COMPOUND = frozenset(("*=", "/=", "%=", "+=", "-=", "|+|=", "|-|=", "<<=", "&=", "|=", "^="))

_NEVER_INSIDE = frozenset(
    ("action", "control", "enum", "extern", "header", "header_union", "package", "parser", "struct", "table")
)

_NOT_OF_P4 = {
    "while": "write for (...) with a number of rounds known at compile time",
    "elseif": "write else if",
    "elif": "write else if",
}


class StatementParser(ExpressionParser):
    """Statements and local declarations."""

    # Blocks

    def block(self, annotations: list[ast.Annotation] | None = None) -> ast.Block:
        """`{ ... }`, recovering from errors at the statements inside."""
        start = self.expect("{", "to open the block").span
        self.deeper()
        try:
            with self.scope():
                self.blocks.append(start)
                body = self.statements()
                self.blocks.pop()
            self.expect("}", "to close the block")
        finally:
            self.nesting -= 1
        return ast.Block(self.since(start), body, annotations or [])

    def _check_inside(self) -> None:
        """Fail if something is at hand that no block can contain."""
        kind, following, third = self.kinds[self.at : self.at + 3]
        is_state = kind == "state" and following in NAME_KINDS and third == "{"
        if self.blocks and (kind in _NEVER_INSIDE or is_state or (kind == "apply" and following == "{")):
            what = describe(self.tokens[self.at])
            message = f"expected '}}' to close the block of line {self.blocks[-1].line}, not {what}"
            raise UnclosedBlockError(self.span, message)

    def statements(self, *stops: str) -> list[ast.Statement | ast.Declaration]:
        """Statements and declarations up to `}` or one of `stops`."""
        return self.repeated(self.statement_or_declaration, *stops)

    def statement_or_declaration(self) -> ast.Statement | ast.Declaration:
        """One of a block's items."""
        annotations = self.annotations()
        self._check_inside()
        if self.kinds[self.at] == "const":
            return self.constant(annotations)
        if self._starts_declaration():
            return self.variable_or_instance(annotations)
        return self.statement(annotations)

    def _starts_declaration(self) -> bool:
        """Whether a variable or instance declaration is at hand, not an expression statement."""
        kind, following = self.kinds[self.at], self.kinds[self.at + 1]
        if kind in NAME_KINDS and following in NAME_KINDS:
            return True  # two names: a declaration, of a known type or not
        if not self.starts_type():
            return False
        saved = self.at
        ref = self.attempt_type()
        follows_member = ref is not None and self.kinds[self.at] == "."
        self.at = saved
        return not follows_member

    # Local declarations

    def declarator(self, ref: ast.TypeRef) -> tuple[Token, ast.TypeRef]:
        """A name with optional `[size]` suffixes, which wrap the type."""
        token = self.name("a name")
        while self.accept("["):
            size = self.expression()
            self.expect("]", "after the size")
            ref = ast.StackTypeRef(self.since(ref.span), ref, size)
        return token, ref

    def constant(self, annotations: list[ast.Annotation]) -> ast.ConstDecl:
        """`const T name = value;`."""
        self.take()
        name, ref = self.declarator(self.type_ref())
        self.expect("=", f"and a value for the constant {name.text}")
        init = self.expression()
        self.expect(";", f"after the constant {name.text}")
        self.declare(name.text)
        return ast.ConstDecl(name.span, name.text, annotations, ref, init)

    def variable_or_instance(self, annotations: list[ast.Annotation]) -> ast.Declaration:
        """`T name;`, `T name = value;` or `T(args) name;`."""
        ref = self.type_ref()
        if self.kinds[self.at] == "(":
            return self.instance(ref, annotations)
        return self.variable(ref, annotations)

    def variable(
        self, ref: ast.TypeRef, annotations: list[ast.Annotation], *, end: bool = True
    ) -> ast.VariableDecl:
        """A variable, from its name on."""
        name, ref = self.declarator(ref)
        init = self.expression() if self.accept("=") else None
        if end:
            self.expect(";", f"after the variable {name.text}")
        self.declare(name.text)
        return ast.VariableDecl(name.span, name.text, annotations, ref, init)

    def instance(self, ref: ast.TypeRef, annotations: list[ast.Annotation]) -> ast.InstanceDecl:
        """An instantiation, from its `(`."""
        func = ast.TypeNameExpr(ref.span, ref)
        call = self.call(ref.span, func, [])
        name = self.name("a name for the instance")
        self.declare(name.text)
        body = self._object_body() if self.accept("=") else None
        self.expect(";", f"after the instance {name.text}")
        return ast.InstanceDecl(name.span, name.text, annotations, call, body)

    def _object_body(self) -> ast.Block:
        """`{ functions and instances }`: implementations of abstract methods."""
        start = self.expect("{", "to open the object's methods").span
        with self.scope():
            items = self.repeated(self._object_item)
        self.expect("}", "to close the object's methods")
        return ast.Block(self.since(start), items)

    def _object_item(self) -> ast.Statement | ast.Declaration:
        annotations = self.annotations()
        ref = self.type_ref()
        if self.kinds[self.at] == "(":
            return self.instance(ref, annotations)
        return self.function(ref, annotations)

    # Functions and parameters

    def function(self, ref: ast.TypeRef, annotations: list[ast.Annotation]) -> ast.FunctionDecl:
        """A function, from its name on."""
        name = self.name("the name of a function or variable")
        self.declare(name.text)
        with self.scope():
            type_params = self.type_params()
            params = self.parameters()
            body = self.block()
        return ast.FunctionDecl(name.span, name.text, annotations, params, ref, type_params, body)

    def type_params(self) -> list[ast.TypeParam]:
        """`<T, U>` or nothing; declares them as types."""
        out: list[ast.TypeParam] = []
        if not self.accept("<"):
            return out
        while True:
            name = self.name("the name of a type parameter")
            self.declare(name.text, is_type=True)
            out.append(ast.TypeParam(name.span, name.text, []))
            if not self.accept(","):
                break
        self.expect(">", "after the type parameters")
        return out

    def parameters(self) -> list[ast.Parameter]:
        """`(direction T name = default, ...)`; declares them."""
        self.expect("(", "before the parameters")
        params: list[ast.Parameter] = []
        while self.kinds[self.at] != ")":
            annotations = self.annotations()
            direction = ast.Direction.NONE
            if self.kinds[self.at] in ("in", "out", "inout"):
                direction = ast.Direction(self.take().text)
            name, ref = self.declarator(self.type_ref())
            default = self.expression() if self.accept("=") else None
            params.append(ast.Parameter(name.span, name.text, annotations, direction, ref, default))
            if not self.accept(","):
                break
        self.expect(")", "after the parameters")
        for param in params:
            self.declare(param.name)
        return params

    # Statements

    def statement(self, annotations: list[ast.Annotation] | None = None) -> ast.Statement:
        """A statement; annotations may stand before blocks and loops only."""
        start, kind = self.span, self.kinds[self.at]
        match kind:
            case "{":
                return self.block(annotations)
            case "for":
                return self._for(annotations or [])
            case _ if annotations:
                raise self.unexpected("a block or declaration after the annotation")
            case "if":
                return self._if()
            case "switch":
                return self._switch()
            case ";":
                return ast.Empty(self.take().span)
            case "exit":
                self.at += 1
                self.expect(";", "after exit")
                return ast.Exit(self.since(start))
            case "return":
                return self._return()
            case "break" | "continue":
                self.at += 1
                self.expect(";", f"after {kind}")
                return ast.Break(self.since(start)) if kind == "break" else ast.Continue(self.since(start))
        word = self.tokens[self.at].text
        if word in _NOT_OF_P4 and self.kinds[self.at + 1] in ("(", "{"):
            raise ParseError(start, f"P4 has no {word}: {_NOT_OF_P4[word]}")
        simple = self.simple_statement()
        self.expect(";", "after the statement")
        simple.span = self.since(start)
        return simple

    def simple_statement(self) -> ast.Statement:
        """An assignment or call, without its `;`."""
        start = self.span
        target = self.postfix()
        op = self.kinds[self.at]
        if op == ">" and self.adjacent(">="):
            op = ">>="
            self.at += 1
        if op in ("=", ">>=") or op in _COMPOUND:
            self.at += 1
            value = self.expression()
            return ast.Assign(self.since(start), target, value, op)
        if isinstance(target, ast.Call):
            return ast.CallStatement(self.since(start), target)
        if op in (";", "}"):
            raise ParseError(self.since(start), "this does nothing: expected an assignment or a call")
        if op == "++" or (op == "-" and self.kinds[self.at + 1] == "-"):
            raise ParseError(self.span, f"P4 has no {op[0] * 2}: write x = x {op[0]} 1")
        raise self.unexpected("'=' or '('")

    def _return(self) -> ast.Return:
        start = self.take().span
        expr = None if self.kinds[self.at] == ";" else self.expression()
        self.expect(";", "after return")
        return ast.Return(self.since(start), expr)

    def _if(self) -> ast.If:
        """`if` with its chain of `else if`, built without recursion."""
        branches: list[tuple[ast.Span, ast.Expression, ast.Statement]] = []
        otherwise: ast.Statement | None = None
        while True:
            if_span = self.take().span
            self.expect("(", "after if")
            condition = self.expression()
            self.expect(")", "after the condition")
            then = self._branch()
            if not self.accept("else"):
                break
            if self.kinds[self.at] != "if":
                otherwise = self._branch()
                break
            branches.append((if_span, condition, then))
        last = ast.If(self.since(if_span), condition, then, otherwise)
        for if_span, condition, then in reversed(branches):
            last = ast.If(self.since(if_span), condition, then, last)
        return last

    def _branch(self) -> ast.Statement:
        self.deeper()
        try:
            return self.statement(self.annotations())
        finally:
            self.nesting -= 1

    def _switch(self) -> ast.Switch:
        start = self.take().span
        self.expect("(", "after switch")
        subject = self.expression()
        self.expect(")", "after the switch expression")
        self.expect("{", "before the cases")
        cases = self.repeated(self._switch_case)
        self.expect("}", "after the cases")
        return ast.Switch(self.since(start), subject, cases)

    def _switch_case(self) -> ast.SwitchCase:
        start = self.span
        label = None if self.accept("default") else self.expression()
        self.expect(":", "after the label")
        body = self.block(self.annotations()) if self.kinds[self.at] in ("{", "@") else None
        return ast.SwitchCase(self.since(start), label, body)

    def _for(self, annotations: list[ast.Annotation]) -> ast.Statement:
        start = self.take().span
        self.expect("(", "after for")
        with self.scope():
            first: list[ast.Statement | ast.Declaration] = []
            if self.kinds[self.at] != ";":
                first.append(self._for_item())
            if self.accept("in"):
                return self._for_in(start, annotations, first[0])
            while self.accept(","):
                first.append(self._for_item())
            self.expect(";", "after the loop's start")
            condition = self.expression()
            self.expect(";", "after the loop's condition")
            update: list[ast.Statement] = []
            while self.kinds[self.at] != ")":
                update.append(self.simple_statement())
                if not self.accept(","):
                    break
            self.expect(")", "after the loop's update")
            body = self._branch()
        return ast.For(self.since(start), first, condition, update, body, annotations)

    def _for_item(self) -> ast.Statement | ast.Declaration:
        annotations = self.annotations()
        if self._starts_declaration():
            return self.variable(self.type_ref(), annotations, end=False)
        if self.kinds[self.at + 1] == "in" and self.kinds[self.at] in NAME_KINDS:
            raise ParseError(
                self.span, "the variable of 'for ... in' is declared in it: for (bit<8> x in ...)"
            )
        return self.simple_statement()

    def _for_in(
        self, start: ast.Span, annotations: list[ast.Annotation], first: ast.Statement | ast.Declaration
    ) -> ast.ForIn:
        if not isinstance(first, ast.VariableDecl):
            raise ParseError(first.span, "expected a variable before 'in'")
        collection = self.expression()
        if self.accept(".."):
            high = self.expression()
            collection = ast.Range(self.since(collection.span), collection, high)
        self.expect(")", "after the loop's collection")
        body = self._branch()
        return ast.ForIn(self.since(start), first, collection, body, annotations)
