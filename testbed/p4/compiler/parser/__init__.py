"""The parser: tokens to syntax tree, recursive descent with precedence climbing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler.parser.declarations import DeclarationParser

if TYPE_CHECKING:
    from testbed.p4.compiler import ast
    from testbed.p4.compiler.diagnostics import Diagnostics
    from testbed.p4.compiler.lexer import Token


def parse(tokens: list[Token], diagnostics: Diagnostics) -> ast.Program:
    """The syntax tree of a translation unit; syntax errors go to `diagnostics` and leave holes."""
    return DeclarationParser(tokens, diagnostics).program()
