"""The preprocessor: what `cpp` does for P4 programs, with positions that point into the original files.

Directives: include, define, undef, if, ifdef, ifndef, elif, else, endif, error, warning; pragma, line and
unknown ones are ignored (the last with a warning).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from testbed.p4.compiler import conditions
from testbed.p4.compiler.diagnostics import CompileError
from testbed.p4.compiler.lexer import BAD, END, NEWLINE, TEXT, WORD, Token, tokenize
from testbed.p4.compiler.macros import Expander, Macro, MacroError, TokenStream, parse_definition
from testbed.p4.compiler.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from testbed.p4.compiler.diagnostics import Diagnostics

BUILTIN_INCLUDES = Path(__file__).with_name("include")
_MAX_INCLUDE_DEPTH = 100
_LINE_MARKER_GAP = 8
_CONDITION = re.compile(r"[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b.*")
_VERBATIM = re.compile(r"""(//.*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|["'].*)""")
_BLANKS = re.compile(r"[ \t]+")
_WORD = re.compile(r"[A-Za-z_]\w*")
_WOULD_JOIN = re.compile(r"\w+|[0-9]\w*[.+-]")  # a token and the start of one from a macro, kept apart by cpp


class _Conditional:
    """An open `#if`: whether this branch is live, whether one was, whether `#else` came."""

    def __init__(self, opened: Token, live: bool) -> None:
        self.opened = opened
        self.live = live
        self.taken = live
        self.had_else = False


class Preprocessor:
    """Turns a file into the tokens of its translation unit."""

    def __init__(
        self,
        diagnostics: Diagnostics,
        include_dirs: Sequence[Path] = (),
        defines: Iterable[str] = (),
        undefines: Iterable[str] = (),
    ) -> None:
        """`defines` are as after -D (`NAME`, `NAME=value`, `F(x)=value`), `undefines` as after -U."""
        self.diagnostics = diagnostics
        self.include_dirs = [*include_dirs, BUILTIN_INCLUDES]
        self.expander = Expander(diagnostics)
        self.out: list[Token] = []
        self.once: set[Path] = set()
        self.files: list[str] = []
        self.depth = 0
        for define in defines:
            name, equals, value = define.partition("=")
            self._define(tokenize(f"{name} {value if equals else 1}", "<command line>"))
        for name in undefines:
            self.expander.table.pop(name.strip(), None)

    def run(self, path: Path) -> list[Token]:
        """All tokens of the program, END last.

        Raises:
            CompileError: if a file cannot be read or nothing sensible can follow.
        """
        self._file(path, str(path), None)
        end = self.out[-1].span if self.out else Span(str(path), 1, 1, 1, 1)
        last = Span(end.file, end.end_line, end.end_col, end.end_line, end.end_col)
        self.out.append(Token(END, "", last))
        return self.out

    def run_text(self, text: str, name: str) -> list[Token]:
        """The same for a program given as text."""
        self._tokens(tokenize(text, name), Path(name))
        self.diagnostics.sources[name] = text
        self.out.append(Token(END, "", Span(name, text.count("\n") + 1, 1, text.count("\n") + 1, 1)))
        return self.out

    def _fatal(self, span: Span, message: str) -> NoReturn:
        self.diagnostics.error(span, message)
        raise CompileError(self.diagnostics)

    def _file(self, path: Path, name: str, included: Token | None) -> None:
        try:
            text = path.read_bytes().decode("utf-8-sig", "replace")
        except OSError as error:
            span = included.span if included else Span(name, 0, 0, 0, 0)
            self._fatal(span, f"cannot read {path}: {error.strerror}")
        self.diagnostics.sources[name] = text
        self.files.append(name)
        self._tokens(tokenize(text, name), path)

    def _tokens(self, tokens: list[Token], path: Path) -> None:
        stream = TokenStream(tokens)
        conditionals: list[_Conditional] = []
        table, out = self.expander.table, self.out
        line_start = True
        while (token := stream.next()).kind != END:
            kind = token.kind
            if kind == NEWLINE:
                line_start = True
                continue
            if line_start and kind == "#" and not stream.pushed:
                self._directive(self._rest_of_line(stream), path, conditionals)
                self._skip_dead(stream, conditionals)
                continue
            line_start = False
            if kind == WORD and token.text in table:
                try:
                    if self.expander.expand_at(token, stream):
                        continue
                except MacroError as error:
                    self.diagnostics.error(error.token.span, str(error))
            elif kind == BAD:
                self._unclosed(token)
            elif kind == TEXT and "\n" in token.text:
                token = self._lines_of(token)
            out.append(token)
        if conditionals:
            self.diagnostics.error(conditionals[-1].opened.span, "this condition has no #endif")

    def _unclosed(self, token: Token) -> None:
        """Stop at what swallows the rest of the file; the parser judges other stray characters."""
        if token.text == "/*":
            self._fatal(token.span, "this comment has no closing */")
        if token.text == '"':
            self._fatal(token.span, 'this string has no closing "')

    def _lines_of(self, text: Token) -> Token:
        """A string of several lines as cpp leaves it, which knows no such strings.

        To it the first line has a quote too many and the others are code: conditions and macros count there.
        """
        lines: list[str] = []
        open_ifs: list[_Conditional] = []
        nested = 0
        for line in text.text.split("\n"):
            live = not open_ifs or open_ifs[-1].live
            directive = _CONDITION.match(line) if lines else None
            if directive is None:
                code = self._line_of_code(line, text) if lines else line
                lines.append(code if live else "")
                continue
            lines.append("")
            word = directive[1]
            if not live and (nested or word.startswith("if")):
                nested += word.startswith("if") - (word == "endif")
                continue
            parts = [
                t._replace(span=text.span) for t in tokenize(directive[0].lstrip(" #\t"), text.span.file)
            ]
            self._directive(parts[:-1], None, open_ifs)
        return text._replace(text="\n".join(lines))

    def _line_of_code(self, line: str, text: Token) -> str:
        """A line with its macros expanded, blanks in a row as one; comments and quotes are kept."""
        start = len(line) - len(line.lstrip())
        parts = _VERBATIM.split(line[start:])
        parts[::2] = [_BLANKS.sub(" ", self._expanded(part, text)) for part in parts[::2]]
        return " " * start + "".join(parts).rstrip()

    def _expanded(self, code: str, text: Token) -> str:
        if not any(word in self.expander.table for word in _WORD.findall(code)):
            return code
        tokens = [t._replace(span=text.span) for t in tokenize(code, text.span.file)[:-1]]
        try:
            tokens = self.expander.expand(tokens, text)
        except MacroError:  # arguments that end on another line: not in a text
            return code
        out, before = code[: len(code) - len(code.lstrip())], ""
        for token in tokens:
            apart = token.space or (token.hidden and _WOULD_JOIN.fullmatch(before + token.text[0]))
            out += f" {token.text}" if before and apart else token.text
            before = token.text
        return out + code[len(code.rstrip()) :]

    @staticmethod
    def _rest_of_line(stream: TokenStream) -> list[Token]:
        start = at = stream.at
        tokens = stream.tokens
        while tokens[at].kind not in (NEWLINE, END):
            at += 1
        stream.at = at
        return tokens[start:at]

    def _skip_dead(self, stream: TokenStream, conditionals: list[_Conditional]) -> None:
        """Pass over the lines of branches not taken, to the directive that ends them."""
        nested = 0
        tokens = stream.tokens
        line_start = False
        while conditionals and not conditionals[-1].live and tokens[stream.at].kind != END:
            token = tokens[stream.at]
            stream.at += 1
            if token.kind == "#" and line_start:
                rest = self._rest_of_line(stream)
                word = rest[0].text if rest else ""
                if word in ("if", "ifdef", "ifndef"):
                    nested += 1
                elif nested and word == "endif":
                    nested -= 1
                elif not nested and word in ("elif", "else", "endif"):
                    self._directive(rest, None, conditionals)
            line_start = token.kind == NEWLINE

    def _directive(self, line: list[Token], path: Path | None, open_ifs: list[_Conditional]) -> None:
        if not line:
            return
        word, rest = line[0], line[1:]
        try:
            match word.text:
                case "if" | "ifdef" | "ifndef" | "elif" | "else" | "endif":
                    self._conditional(word.text, word, rest, open_ifs)
                case "define":
                    macro = parse_definition(rest, word)
                    self.expander.table[macro.name] = macro
                case "undef":
                    self.expander.table.pop(self._macro_name(word, rest), None)
                case "include" if path is not None:
                    self._include(word, rest, path)
                case "error" | "warning":
                    self._message(word, rest)
                case "pragma":
                    if path is not None and rest and rest[0].text == "once":
                        self.once.add(path.resolve())
                case "line":
                    pass
                case _ if word.kind == WORD:
                    self.diagnostics.warn("invalid", word.span, f"unknown directive #{word.text} is ignored")
        except (MacroError, conditions.ConditionError) as error:
            self.diagnostics.error(error.token.span, str(error))

    def _message(self, word: Token, rest: list[Token]) -> None:
        text = "".join((" " if t.space and n else "") + t.text for n, t in enumerate(rest))
        if word.text == "error":
            self._fatal(word.span, f"#error {text}")
        self.diagnostics.warn("cpp", word.span, f"#warning {text}")

    def _define(self, tokens: list[Token]) -> None:
        try:
            macro = parse_definition(tokens[:-1], tokens[-1])
        except MacroError as error:
            self.diagnostics.error(error.token.span, f"in a -D option: {error}")
            return
        self.expander.table[macro.name] = macro

    @staticmethod
    def _macro_name(word: Token, rest: list[Token]) -> str:
        if not rest or rest[0].kind != WORD:
            raise MacroError(rest[0] if rest else word, f"expected a macro name after #{word.text}")
        return rest[0].text

    def _conditional(
        self, directive: str, word: Token, rest: list[Token], open_ifs: list[_Conditional]
    ) -> None:
        match directive:
            case "if":
                open_ifs.append(_Conditional(word, False))
                value = self._condition(word, rest)
                open_ifs[-1].live = open_ifs[-1].taken = value
            case "ifdef" | "ifndef":
                open_ifs.append(_Conditional(word, False))
                live = (self._macro_name(word, rest) in self.expander.table) == (directive == "ifdef")
                open_ifs[-1].live = open_ifs[-1].taken = live
            case _ if not open_ifs:
                raise MacroError(word, f"#{directive} without #if")
            case "endif":
                open_ifs.pop()
            case _:
                top = open_ifs[-1]
                if top.had_else:
                    raise MacroError(word, f"#{directive} after #else")
                top.had_else = directive == "else"
                top.live = not top.taken and (top.had_else or self._condition(word, rest))
                top.taken |= top.live

    def _condition(self, word: Token, rest: list[Token]) -> bool:
        try:
            return bool(conditions.evaluate(self.expander.expand(self._defined(rest), word), word))
        except (conditions.ConditionError, MacroError) as error:
            self.diagnostics.error(error.token.span, str(error))
            return False

    def _defined(self, tokens: list[Token]) -> list[Token]:
        """`defined X` and `defined(X)` replaced by 1 or 0, before expansion."""
        out: list[Token] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            at += 1
            if token.kind == WORD and token.text == "defined":
                rest = tokens[at:]
                if rest and rest[0].kind == "(":
                    if len(rest) < 3 or rest[2].kind != ")":
                        raise MacroError(token, "expected 'defined(NAME)'")
                    at += 2
                    rest = rest[1:]
                known = self._macro_name(token, rest) in self.expander.table
                at += 1
                token = Token("number", str(int(known)), token.span, True)
            out.append(token)
        return out

    def _include(self, word: Token, rest: list[Token], path: Path) -> None:
        line = rest if rest and rest[0].kind in (TEXT, "<") else self.expander.expand(rest, word)
        if line and line[0].kind == TEXT:
            name, local = line[0].text[1:-1], True
        elif line and line[0].kind == "<" and any(t.kind == ">" for t in line):
            close = next(n for n, t in enumerate(line) if t.kind == ">")
            name, local = (
                "".join((" " if t.space and n else "") + t.text for n, t in enumerate(line[1:close])),
                False,
            )
        else:
            raise MacroError(word, 'expected #include "file" or #include <file>')
        if self.depth >= _MAX_INCLUDE_DEPTH:
            self._fatal(word.span, f"files include each other without end: {name}")
        directories = [path.parent, *self.include_dirs] if local else self.include_dirs
        for directory in directories:
            found = directory / name
            if found.is_file():
                if found.resolve() not in self.once:
                    self.depth += 1
                    self._file(found, str(found), word)
                    self.depth -= 1
                return
        searched = ", ".join(str(d) for d in directories)
        self._fatal(line[0].span, f"there is no file {name} in {searched}: add its directory with -I")


def render(tokens: Iterable[Token]) -> str:
    """The output of -E: the tokens on the lines where they were, with line markers."""
    parts: list[str] = []
    file, line = "", 0
    for token in tokens:
        span = token.span
        if span.file != file or not 0 <= span.line - line <= _LINE_MARKER_GAP:
            parts.append(f'{chr(10) if parts else ""}# {span.line} "{span.file}"\n{" " * (span.col - 1)}')
        elif span.line > line:
            parts.append("\n" * (span.line - line) + " " * (span.col - 1))
        elif token.space:
            parts.append(" ")
        parts.append(token.text)
        file, line = span.file, span.end_line
    return "".join(parts) + "\n"


__all__ = ["BUILTIN_INCLUDES", "Macro", "Preprocessor", "render"]
