"""Macros: definition and expansion, with hide sets (C11 6.10.3, after Prosser's algorithm)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.p4.compiler.lexer import END, NEWLINE, NUMBER, TEXT, WORD, Token, tokenize

if TYPE_CHECKING:
    from testbed.p4.compiler.diagnostics import Diagnostics

MAX_TOKENS = 300_000
"""Expansion stops here: macros can double their text at every step."""

VARIADIC = "__VA_ARGS__"


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro; without `function` it is object-like."""

    name: str
    body: tuple[Token, ...]
    params: tuple[str, ...] = ()
    function: bool = False
    variadic: bool = False


class MacroError(Exception):
    """A malformed definition or use, at `token`."""

    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.token = token


def parse_definition(tokens: list[Token], end: Token) -> Macro:
    """The macro defined by what follows `#define`.

    Raises:
        MacroError: if that is no definition.
    """
    if not tokens or tokens[0].kind != WORD:
        raise MacroError(tokens[0] if tokens else end, "expected a macro name after #define")
    name = tokens[0].text
    if name == "defined":
        raise MacroError(tokens[0], "'defined' cannot be a macro")
    if len(tokens) < 2 or tokens[1].kind != "(" or tokens[1].space:
        return Macro(name, tuple(tokens[1:]))
    params: list[str] = []
    variadic = False
    at = 2
    while at < len(tokens) and tokens[at].kind != ")":
        token = tokens[at]
        if token.kind == "..." and not variadic:
            variadic = True
            params.append(VARIADIC)
        elif token.kind == WORD and not variadic and token.text not in params:
            params.append(token.text)
        else:
            raise MacroError(token, f"expected a new parameter name of the macro {name}, not '{token.text}'")
        at += 1
        if at < len(tokens) and tokens[at].kind == ",":
            at += 1
        elif at < len(tokens) and tokens[at].kind != ")":
            raise MacroError(tokens[at], f"expected ',' or ')' among the parameters of the macro {name}")
    if at >= len(tokens):
        raise MacroError(end, f"expected ')' after the parameters of the macro {name}")
    return Macro(name, tuple(tokens[at + 1 :]), tuple(params), True, variadic)


class TokenStream:
    """Tokens of a file with a place to push expansions back to."""

    def __init__(self, tokens: list[Token], at: int = 0) -> None:
        self.tokens = tokens
        self.at = at
        self.pushed: list[Token] = []

    def next(self) -> Token:
        """Take a token; END stays."""
        if self.pushed:
            return self.pushed.pop()
        token = self.tokens[self.at]
        if token.kind != END:
            self.at += 1
        return token

    def opens_arguments(self) -> bool:
        """Whether the next token but line ends is `(`; takes it if so."""
        while self.pushed and self.pushed[-1].kind == NEWLINE:
            self.pushed.pop()
        if self.pushed:
            if self.pushed[-1].kind == "(":
                self.pushed.pop()
                return True
            return False
        at = self.at
        while self.tokens[at].kind == NEWLINE:
            at += 1
        if self.tokens[at].kind == "(":
            self.at = at + 1
            return True
        return False

    def push(self, tokens: list[Token]) -> None:
        """Put tokens before the rest."""
        self.pushed.extend(reversed(tokens))


class Expander:
    """The macro table and its use."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.table: dict[str, Macro | None] = {"__LINE__": None, "__FILE__": None}
        self.budget = MAX_TOKENS

    def expand_at(self, name: Token, stream: TokenStream) -> bool:
        """Expand the macro `name` (just taken from the stream) into the stream; False: it stays as it is.

        Raises:
            MacroError: wrong number of arguments, no closing parenthesis, runaway expansion.
        """
        macro = self.table[name.text]
        if name.text in name.hidden:
            return False
        if macro is None:
            text = str(name.span.line) if name.text == "__LINE__" else _quote(name.span.file)
            stream.push([Token(NUMBER if text.isdigit() else TEXT, text, name.span, name.space)])
            return True
        if not macro.function:
            hidden = name.hidden | {macro.name}
            result = _paste([t._replace(span=name.span, hidden=t.hidden | hidden) for t in macro.body])
        else:
            if not stream.opens_arguments():
                return False
            args, close = self._arguments(macro, name, stream)
            hidden = (name.hidden & close.hidden) | {macro.name}
            result = [t._replace(hidden=t.hidden | hidden) for t in self._substitute(macro, args, name)]
        self.budget -= len(result) + 1
        if self.budget < 0:
            raise MacroError(name, f"the expansion of {name.text} does not end")
        if result:
            result[0] = result[0]._replace(space=name.space)
        stream.push(result)
        return True

    def expand(self, tokens: list[Token], end: Token) -> list[Token]:
        """A whole list of tokens, expanded."""
        stream = TokenStream([*tokens, Token(END, "", end.span)])
        out: list[Token] = []
        while (token := stream.next()).kind != END:
            if token.kind == WORD and token.text in self.table and self.expand_at(token, stream):
                continue
            out.append(token)
        return out

    @staticmethod
    def _arguments(macro: Macro, name: Token, stream: TokenStream) -> tuple[list[list[Token]], Token]:
        args: list[list[Token]] = [[]]
        depth = 0
        while True:
            token = stream.next()
            if token.kind == END:
                raise MacroError(name, f"the arguments of the macro {macro.name} have no closing ')'")
            if token.kind == NEWLINE:
                continue
            if token.kind in ("(", ")"):
                if token.kind == ")" and depth == 0:
                    break
                depth += 1 if token.kind == "(" else -1
            if token.kind == "," and depth == 0 and not (macro.variadic and len(args) == len(macro.params)):
                args.append([])
            else:
                args[-1].append(token)
        if not macro.params and args == [[]]:
            args = []
        if macro.variadic and len(args) == len(macro.params) - 1:
            args.append([])
        if len(args) != len(macro.params):
            raise MacroError(
                name, f"the macro {macro.name} takes {len(macro.params)} arguments, not {len(args)}"
            )
        return args, token

    def _substitute(self, macro: Macro, args: list[list[Token]], name: Token) -> list[Token]:
        raw = dict(zip(macro.params, args, strict=True))
        expanded: dict[str, list[Token]] = {}
        out: list[Token] = []
        body = macro.body
        for at, token in enumerate(body):
            previous = body[at - 1].kind if at else ""
            following = body[at + 1].kind if at + 1 < len(body) else ""
            if token.kind == "#" and at + 1 < len(body) and body[at + 1].text in raw:
                continue
            if token.text not in raw or token.kind != WORD:
                out.append(token._replace(span=name.span))
            elif previous == "#":
                out.append(Token(TEXT, _stringize(raw[token.text]), name.span, token.space))
            elif "##" in (previous, following):
                out += raw[token.text] or [Token(WORD, "", name.span, token.space)]
            else:
                if token.text not in expanded:
                    expanded[token.text] = self.expand(raw[token.text], name)
                inserted = expanded[token.text]
                out += [t._replace(space=token.space) if not n else t for n, t in enumerate(inserted)]
        return _paste(out)


def _paste(tokens: list[Token]) -> list[Token]:
    """Apply `##`; empty operands (placemarkers) vanish."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "##" and out and at + 1 < len(tokens):
            left, right = out.pop(), tokens[at + 1]
            joined = tokenize(left.text + right.text, left.span.file)[:-1]
            out += [
                t._replace(span=left.span, space=left.space, hidden=left.hidden & right.hidden)
                for t in joined
            ]
            at += 2
            continue
        out.append(token)
        at += 1
    return [t for t in out if t.text]


def _stringize(tokens: list[Token]) -> str:
    text = "".join((" " if t.space and n else "") + t.text for n, t in enumerate(tokens))
    return _quote(text)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
