"""The parser: tokens to syntax tree, recursive descent with precedence climbing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from testbed.p4.compiler.parser.declarations import DeclarationParser

if TYPE_CHECKING:
    from testbed.p4.compiler import ast
    from testbed.p4.compiler.diagnostics import Diagnostics
    from testbed.p4.compiler.lexer import Token


RECURSION_LIMIT = 20_000
"""The compiler recurses along the nesting of the program, which generated code can make deep."""


def parse(tokens: list[Token], diagnostics: Diagnostics) -> ast.Program:
    """The syntax tree of a translation unit; syntax errors go to `diagnostics` and leave holes."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    return DeclarationParser(tokens, diagnostics).program()
