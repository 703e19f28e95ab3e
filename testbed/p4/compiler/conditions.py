"""Expressions of `#if` and `#elif`: C integer expressions after macro expansion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from testbed.p4.compiler.lexer import END, NUMBER, WORD, Token, describe

if TYPE_CHECKING:
    from collections.abc import Callable

_PRECEDENCE = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip

_APPLY: dict[str, Callable[[int, int], int]] = {
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "&": lambda a, b: a & b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
    "<<": lambda a, b: a << min(b, 64) if b >= 0 else a >> -b,
    ">>": lambda a, b: a >> b if b >= 0 else a << min(-b, 64),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}

_C_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)[uUlL]*", re.ASCII)
_MAX_DEPTH = 100


class ConditionError(Exception):
    """The expression is malformed at `token`."""

    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.token = token


def evaluate(tokens: list[Token], end: Token) -> int:
    """The value of an expanded condition; names that are left count as 0. `end` stands for the line's end.

    Raises:
        ConditionError: if it is not an integer expression.
    """
    parser = _Condition(tokens, end)
    value = parser.ternary(True)
    if parser.peek().kind != END:
        raise ConditionError(parser.peek(), f"unexpected {describe(parser.peek())} in the condition")
    return value


class _Condition:
    def __init__(self, tokens: list[Token], end: Token) -> None:
        self.tokens = [*tokens, Token(END, "", end.span)]
        self.at = 0
        self.depth = 0

    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != END:
            self.at += 1
        return token

    def ternary(self, live: bool) -> int:
        condition = self.binary(1, live)
        if self.peek().kind != "?":
            return condition
        self.take()
        then = self.ternary(live and bool(condition))
        self.expect(":")
        otherwise = self.ternary(live and not condition)
        return then if condition else otherwise

    def operator(self) -> str:
        """The operator at hand; `>` directly before `>` is a shift."""
        token = self.peek()
        if token.kind == ">" and self.tokens[self.at + 1].kind == ">" and not self.tokens[self.at + 1].space:
            return ">>"
        return token.kind

    def binary(self, least: int, live: bool) -> int:
        left = self.unary(live)
        while (precedence := _PRECEDENCE.get(op := self.operator(), 0)) >= least:
            token = self.take()
            if op == ">>":
                self.take()
            if op in ("&&", "||"):
                decided = bool(left) == (op == "||")
                right = self.binary(precedence + 1, live and not decided)
                left = int(bool(left) and bool(right)) if op == "&&" else int(bool(left) or bool(right))
                continue
            right = self.binary(precedence + 1, live)
            left = self.divide(token, left, right, live) if op in "/%" else _APPLY[op](left, right)
        return left

    @staticmethod
    def divide(token: Token, left: int, right: int, live: bool) -> int:
        """C division: towards zero."""
        if right == 0:
            if live:
                raise ConditionError(token, "division by zero in the condition")
            return 0
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if token.kind == "/" else left - quotient * right

    def unary(self, live: bool) -> int:
        token = self.take()
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ConditionError(token, "the condition is nested too deeply")
        value = self.operand(token, live)
        self.depth -= 1
        return value

    def operand(self, token: Token, live: bool) -> int:
        match token.kind:
            case "!":
                return int(not self.unary(live))
            case "-":
                return -self.unary(live)
            case "+":
                return self.unary(live)
            case "~":
                return ~self.unary(live)
            case "(":
                value = self.ternary(live)
                self.expect(")")
                return value
            case _ if token.kind == WORD:
                return 0
            case _ if token.kind == NUMBER and (number := _C_NUMBER.fullmatch(token.text)):
                digits = number[1]
                octal = digits.isdigit() and digits[0] == "0" and not set(digits) & set("89")
                return int(digits, 8 if octal else 10) if digits.isdigit() else int(digits, 0)
        raise ConditionError(token, f"expected an integer in the condition, not {describe(token)}")

    def expect(self, kind: str) -> None:
        if self.peek().kind != kind:
            raise ConditionError(
                self.peek(), f"expected '{kind}' in the condition, not {describe(self.peek())}"
            )
        self.take()
