"""Warnings for declarations that nothing uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler.check.annotations import is_silenced
from testbed.p4.compiler.preprocess import BUILTIN_INCLUDES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from testbed.p4.compiler.diagnostics import Diagnostics

_NEVER = (
    ast.StructLikeDecl,
    ast.EnumDecl,
    ast.SerEnumDecl,
    ast.ExternDecl,
    ast.ExternFunctionDecl,
    ast.MethodDecl,
    ast.StateDecl,
    ast.EnumMember,
)


def is_watched(declaration: ast.Declaration, owner: ast.Declaration | None) -> bool:
    """Whether a declaration in the scope of `owner` should be used somewhere."""
    if isinstance(declaration, ast.Parameter):
        return isinstance(owner, ast.ActionDecl)
    if isinstance(declaration, ast.TypeParam):
        return not isinstance(owner, ast.ParserDecl | ast.ControlDecl)
    if isinstance(declaration, ast.FunctionDecl) and isinstance(owner, ast.InstanceDecl):
        return False  # implements an abstract method
    return not isinstance(declaration, _NEVER)


def warn_unused(
    declared: Iterable[ast.Declaration], used: set[ast.Declaration], diagnostics: Diagnostics
) -> None:
    """Warn of every declaration that no name refers to; those of the included libraries are exempt."""
    library = str(BUILTIN_INCLUDES)
    for declaration in declared:
        if declaration in used or declaration.span.file.startswith(library):
            continue
        name = declaration.name
        if name.startswith("__") or name == "verify" or is_silenced(declaration.annotations, "unused"):
            continue
        if isinstance(declaration, ast.InstanceDecl) and name == "main":
            continue
        if isinstance(declaration, ast.ConstDecl) and isinstance(declaration.init, ast.Call):
            continue  # a static_assert
        diagnostics.warn("unused", declaration.span, f"the {declaration.kind} {name} is never used")
