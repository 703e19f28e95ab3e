"""Names in scope, and what a run of the checker knows globally."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.unused import is_watched
from testbed.p4.compiler.diagnostics import Note, a_or_an, did_you_mean
from testbed.p4.compiler.preprocess import BUILTIN_INCLUDES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.p4.compiler.diagnostics import Diagnostics

_OVERLOADABLE = (
    ast.FunctionDecl,
    ast.ExternFunctionDecl,
    ast.MethodDecl,
    ast.ParserTypeDecl,
    ast.ControlTypeDecl,
    ast.PackageTypeDecl,
    ast.ParserDecl,
    ast.ControlDecl,
)

_LIBRARIES = {"core.p4": "packet_in", "v1model.p4": "V1Switch"}
"""The files that programs include, each with something that it declares."""


class Scope:
    """One level of names; several declarations of a name are overloads."""

    __slots__ = ("names", "owner", "parent")

    def __init__(self, parent: Scope | None, owner: ast.Declaration | None = None) -> None:
        """`owner` is the parser, control, function ... whose scope this is, None for blocks."""
        self.parent = parent
        self.owner = owner
        self.names: dict[str, list[ast.Declaration]] = {}

    def visible(self) -> set[str]:
        """All names that mean something here."""
        names: set[str] = set()
        scope: Scope | None = self
        while scope is not None:
            names.update(scope.names)
            scope = scope.parent
        return names

    def lookup(self, name: str) -> list[ast.Declaration] | None:
        """What the name means here: the declarations of the innermost level that has it."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None


class ScopeKeeper:
    """Base of the checker: diagnostics and the current scope."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        """Names and errors are empty at first."""
        self.diagnostics = diagnostics
        self.globals = Scope(None)
        self.here = self.globals
        self.errors: dict[str, ast.ErrorMember] = {}
        self.match_kinds: dict[str, ast.MatchKind] = {}
        self.used: set[ast.Declaration] = set()
        self.missing: set[str] = set()  # files to include, reported once
        self.watched: list[ast.Declaration] = []
        self.program = ast.Program(ast.Span("", 0, 0, 0, 0), [])

    def error(self, span: ast.Span, message: str, *notes: Note) -> None:
        """Report an error."""
        self.diagnostics.error(span, message, *notes)

    @contextmanager
    def scope(self, owner: ast.Declaration | None = None) -> Iterator[None]:
        """A new level of names."""
        self.here = Scope(self.here, owner)
        try:
            yield
        finally:
            self.here = self.here.parent or self.globals

    def declare(self, declaration: ast.Declaration) -> None:
        """Make a name known from here on."""
        if is_watched(declaration, self.here.owner):
            self.watched.append(declaration)
        found = self.here.names.get(declaration.name)
        if found is None:
            self._check_shadowing(declaration)
            self.here.names[declaration.name] = [declaration]
            return
        for other in found:
            if not self._overloads(declaration, other):
                note = Note(other.span, f"the other {declaration.name}")
                self.error(declaration.span, f"{declaration.name} is declared twice", note)
                return
        found.append(declaration)

    def _check_shadowing(self, declaration: ast.Declaration) -> None:
        """Hiding a parameter is an error, hiding anything else a warning."""
        outer = self.here.parent
        hidden = outer.lookup(declaration.name) if outer is not None else None
        if not hidden or (isinstance(declaration, ast.Parameter) and self._is_prototype()):
            return
        note = Note(hidden[0].span, f"the {hidden[0].kind} {declaration.name}")
        is_local = outer is not None and isinstance(outer.owner, ast.ParserDecl | ast.ControlDecl)
        harmless = isinstance(declaration, ast.Parameter | ast.TypeParam) or is_local
        if isinstance(hidden[0], ast.Parameter) and not harmless:
            self.error(declaration.span, f"{declaration.name} hides a parameter of that name", note)
            return
        self.diagnostics.warn(
            "shadow", declaration.span, f"{declaration.name} hides {a_or_an(hidden[0].kind)}", note
        )

    def _is_prototype(self) -> bool:
        """Whether the current scope is of something without a body, whose parameter names matter little."""
        owner = self.here.owner
        return isinstance(
            owner,
            ast.MethodDecl
            | ast.ExternFunctionDecl
            | ast.PackageTypeDecl
            | ast.ParserTypeDecl
            | ast.ControlTypeDecl,
        )

    @staticmethod
    def _overloads(one: ast.Declaration, other: ast.Declaration) -> bool:
        """Whether calls can tell the two apart by the number or names of their arguments."""
        if not (isinstance(one, _OVERLOADABLE) and isinstance(other, _OVERLOADABLE)):
            return False
        return {p.name for p in call_params(one)} != {p.name for p in call_params(other)}

    def enclosing(self, *kinds: type[ast.Declaration]) -> ast.Declaration | None:
        """The innermost enclosing declaration of these kinds."""
        scope: Scope | None = self.here
        while scope is not None:
            if isinstance(scope.owner, kinds):
                return scope.owner
            scope = scope.parent
        return None

    def lookup(self, span: ast.Span, name: str, *, absolute: bool = False) -> list[ast.Declaration]:
        """The declarations of a name; none is an error that is reported here."""
        found = (self.globals if absolute else self.here).lookup(name)
        if found is None and self._is_inside(name):
            self.error(span, f"{name} cannot refer to itself")
            return []
        if found is None and (library := self._library_of(name)):
            if library not in self.missing:
                self.error(span, f"nothing named {name} is declared here: write #include <{library}>")
            self.missing.add(library)
            return []
        if found is None:
            notes = [
                Note(d.span, f"{name} is declared here, after its use")
                for d in self._all_declarations()
                if d.name == name
            ]
            hint = "" if notes else self._meant(name)
            self.error(span, f"nothing named {name} is declared here{hint}", *notes[:1])
            return []
        self.used.update(found)
        return found

    def _library_of(self, name: str) -> str | None:
        """The file that declares an unknown name, if the program does not include it."""
        declared = rf"^(?:control|enum|extern|package|parser|struct)\s[^;{{(]*\b{re.escape(name)}\b"
        for library, known in _LIBRARIES.items():
            if known not in self.globals.names:
                text = (BUILTIN_INCLUDES / library).read_text()
                if re.search(declared, text, re.MULTILINE):
                    return library
        return None

    def _meant(self, name: str) -> str:
        """What an unknown name may have been meant to be."""
        return did_you_mean(name, self.here.visible())

    def _is_inside(self, name: str) -> bool:
        """Whether the current scope lies within a declaration of that name."""
        scope: Scope | None = self.here
        while scope is not None:
            if scope.owner is not None and scope.owner.name == name:
                return True
            scope = scope.parent
        return False

    def _all_declarations(self) -> Iterator[ast.Declaration]:
        """Those that a name used too early may have meant."""
        yield from self.program.declarations
        around = self.enclosing(ast.ControlDecl, ast.ParserDecl)
        if isinstance(around, ast.ControlDecl | ast.ParserDecl):
            yield from around.locals


def call_params(declaration: ast.Declaration) -> list[ast.Parameter]:
    """The parameters of calls (of parsers and controls: of the constructor) that tell overloads apart."""
    if isinstance(declaration, ast.ParserDecl | ast.ControlDecl):
        return declaration.constructor_params
    params: list[ast.Parameter] = getattr(declaration, "params", [])
    return params


def is_error(*types: t.Type) -> bool:
    """Whether one of the types is already known to be wrong, so that no more need be said."""
    return t.UNKNOWN in types
