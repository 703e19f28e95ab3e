"""Random code with calls, against an interpreter that copies in and out by the book (section 6.8)."""

from __future__ import annotations

import operator
import random
from collections import ChainMap
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Scope = MutableMapping[str, int]
OPERATORS = {"+": operator.add, "-": operator.sub, "&": operator.and_, "|": operator.or_, "^": operator.xor}
RELATIONS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt}
GLOBALS = ["h.i.a", "h.i.b", "m.x", "v0", "v1"]


class ReturnError(Exception):
    """`return`, with its value."""


class ExitError(Exception):
    """`exit`."""


@dataclass
class Code:
    """Text, and what it does to a scope; of an expression, also what it gives."""

    text: str
    run: Callable[[Scope], int]


@dataclass
class Callee:
    """A function, action or control. `outer` tells whether it sees the variables of the pipeline."""

    kind: str
    name: str
    params: list[tuple[str, str]]
    body: list[Code] = field(default_factory=list)
    outer: bool = False

    def declaration(self) -> str:
        params = ", ".join(f"{direction} bit<8> {name}" for direction, name in self.params)
        body = "".join(c.text for c in self.body)
        match self.kind:
            case "function":
                return f"bit<8> {self.name}({params}) {{\n{body}}}\n"
            case "action":
                return f"action {self.name}({params}) {{\n{body}}}\n"
        return f"control {self.name}({params}) {{ apply {{\n{body}}} }}\n"

    def call(self, scope: Scope, pipeline: Scope, arguments: list[Code]) -> int:
        """Copy in from left to right, run, copy out from left to right."""
        mine = [(*p, a) for p, a in zip(self.params, arguments, strict=True)]
        local: Scope = {name: 0 if way == "out" else a.run(scope) for way, name, a in mine}
        inner = ChainMap(local, pipeline) if self.outer else local
        result, stop = 0, None
        try:
            for code in self.body:
                code.run(inner)
        except ReturnError as returned:
            result = returned.args[0]
        except ExitError as error:
            stop = error
        for way, name, argument in mine:
            if way != "in":
                assign(scope, argument.text, local[name])
        if stop is not None:
            raise stop
        return result


def assign(scope: Scope, name: str, number: int, high: int = 7, low: int = 0) -> int:
    """`name[high:low] = number` where the name is declared."""
    maps = scope.maps if isinstance(scope, ChainMap) else [scope]
    home = next(m for m in maps if name in m)
    mask = ((1 << (high - low + 1)) - 1) << low
    home[name] = (home[name] & ~mask) | (number << low & mask)
    return 0


class Generator:
    """Makes random code; `pipeline` holds the values of its variables while that runs."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.pipeline: Scope = {}
        self.functions: list[Callee] = []
        self.callees: list[Callee] = []
        self.writable: list[str] = []
        self.count = 0

    def expression(self, names: list[str], depth: int) -> Code:
        draw = self.draw
        if depth <= 0 or draw.random() < 0.2:
            if draw.random() < 0.25:
                number = draw.randrange(256)
                return Code(f"8w{number}", lambda _: number)
            name = draw.choice(names)
            return Code(name, lambda s: s[name])
        if self.functions and self.writable and draw.random() < 0.4:
            return self.call(draw.choice(self.functions), names, depth - 1)
        a, b = self.expression(names, depth - 1), self.expression(names, depth - 1)
        if draw.random() < 0.2:
            test = self.condition(names, depth - 1)
            text = f"({test.text} ? {a.text} : {b.text})"
            return Code(text, lambda s: a.run(s) if test.run(s) else b.run(s))
        op = draw.choice(list(OPERATORS))
        return Code(f"({a.text} {op} {b.text})", lambda s: OPERATORS[op](a.run(s), b.run(s)) & 255)

    def condition(self, names: list[str], depth: int) -> Code:
        draw = self.draw
        if depth > 0 and draw.random() < 0.4:
            a, b = self.condition(names, depth - 1), self.condition(names, depth - 1)
            if draw.random() < 0.5:
                return Code(f"({a.text} && {b.text})", lambda s: a.run(s) and b.run(s))
            return Code(f"({a.text} || {b.text})", lambda s: a.run(s) or b.run(s))
        a, b = self.expression(names, depth - 1), self.expression(names, depth - 1)
        op = draw.choice(list(RELATIONS))
        return Code(f"({a.text} {op} {b.text})", lambda s: RELATIONS[op](a.run(s), b.run(s)))

    def call(self, callee: Callee, names: list[str], depth: int) -> Code:
        def argument(way: str) -> Code:
            if way == "in":
                return self.expression(names, depth)
            name = self.draw.choice(self.writable)
            return Code(name, lambda s: s[name])

        arguments = [argument(way) for way, _ in callee.params]
        texts = ", ".join(a.text for a in arguments)
        name = f"{callee.name}_of.apply" if callee.kind == "control" else callee.name
        return Code(f"{name}({texts})", lambda s: callee.call(s, self.pipeline, arguments))

    def block(self, names: list[str], writable: list[str], depth: int, size: int, kind: str) -> list[Code]:
        names, writable = list(names), list(writable)
        result: list[Code] = []
        for _ in range(size):
            self.writable = writable
            made = self.statement(names, writable, depth, kind)
            if made is not None:
                result.append(made)
        return result

    def statement(self, names: list[str], writable: list[str], depth: int, kind: str) -> Code | None:
        draw = self.draw
        choice = draw.random()
        if choice < 0.35:
            name, value = draw.choice(writable), self.expression(names, 3)
            low = draw.randrange(8)
            high = draw.randrange(low, 8)
            if draw.random() < 0.7:
                return Code(f"{name} = {value.text};\n", lambda s: assign(s, name, value.run(s)))
            text = f"{name}[{high}:{low}] = ({value.text})[{high - low}:0];\n"
            return Code(text, lambda s: assign(s, name, value.run(s), high, low))
        if choice < 0.45:
            self.count += 1
            local, start = f"t{self.count}", self.expression(names, 2)
            names.append(local)
            writable.append(local)
            return Code(f"bit<8> {local} = {start.text};\n", lambda s: declare(s, local, start.run(s)))
        if choice < 0.7 and depth:
            test = self.condition(names, 2)
            then = self.block(names, writable, depth - 1, draw.randrange(1, 3), kind)
            otherwise = self.block(names, writable, depth - 1, draw.randrange(3), kind)
            text = f"if ({test.text}) {{\n{joined(then)}}} else {{\n{joined(otherwise)}}}\n"
            return Code(text, lambda s: run_all(ChainMap({}, *_maps(s)), then if test.run(s) else otherwise))
        if choice < 0.8:
            return self.leave(names, kind)
        if kind != "function" and self.callees:
            made = self.call(draw.choice(self.callees), names, 2)
            return Code(f"{made.text};\n", made.run)
        return None

    def leave(self, names: list[str], kind: str) -> Code:
        test = self.condition(names, 1)
        if kind == "function":
            value = self.expression(names, 2)
            text = f"if ({test.text}) {{ return {value.text}; }}\n"
            return Code(text, lambda s: stop(ReturnError(value.run(s))) if test.run(s) else 0)
        word, error = self.draw.choice([("return", ReturnError(0)), ("exit", ExitError())])
        return Code(f"if ({test.text}) {{ {word}; }}\n", lambda s: stop(error) if test.run(s) else 0)

    def callee(self, kind: str, name: str) -> Callee:
        ways = ["in", "inout", "inout", "out"]
        params = [(self.draw.choice(ways), f"p{i}") for i in range(self.draw.randrange(1, 4))]
        result = Callee(kind, name, params, outer=kind == "action")
        outer = GLOBALS if result.outer else []
        names = [p for _, p in params] + outer
        writable = [p for way, p in params if way != "in"] + outer or []
        for way, param in params:
            if way == "out":
                result.body.append(Code(f"{param} = 3;\n", lambda s, p=param: assign(s, p, 3)))
        if writable:
            result.body += self.block(names, writable, 2, self.draw.randrange(1, 4), kind)
        if kind == "function":
            self.writable = writable
            value = self.expression(names, 2)
            result.body.append(Code(f"return {value.text};\n", lambda s: stop(ReturnError(value.run(s)))))
        return result


def _maps(scope: Scope) -> list[Scope]:
    return list(scope.maps) if isinstance(scope, ChainMap) else [scope]


def joined(codes: list[Code]) -> str:
    return "".join(c.text for c in codes)


def run_all(scope: Scope, codes: list[Code]) -> int:
    for code in codes:
        code.run(scope)
    return 0


def declare(scope: Scope, name: str, number: int) -> int:
    scope[name] = number
    return 0


def stop(error: Exception) -> int:
    raise error


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1 << 32), inputs=st.lists(st.binary(min_size=2, max_size=2), min_size=1, max_size=6)
)
def test_random_calls(build, seed: int, inputs: list[bytes]) -> None:
    draw = random.Random(seed)
    made = Generator(draw)
    made.functions = []
    for i in range(draw.randrange(1, 4)):
        made.functions.append(made.callee("function", f"f{i}"))
    actions = [made.callee("action", f"act{i}") for i in range(2)]
    controls = [made.callee("control", f"C{i}") for i in range(2)]
    made.callees = actions + controls
    main = made.block(GLOBALS, GLOBALS, 3, 6, "main")
    program = build(
        globals=joined([Code(c.declaration(), lambda _: 0) for c in made.functions + controls]),
        locals="bit<8> v0; bit<8> v1;"
        + "".join(f"{c.name}() {c.name}_of;" for c in controls)
        + "".join(c.declaration() for c in actions),
        ingress=f"v0 = 17; v1 = 99; m.x = 5;\n{joined(main)}",
        egress="h.i.c[7:0] = m.x;",
        deparser="pkt.emit(h.i);",
    )
    for given_bytes in inputs:
        made.pipeline = {"h.i.a": given_bytes[0], "h.i.b": given_bytes[1], "m.x": 5, "v0": 17, "v1": 99}
        with suppress(ReturnError, ExitError):
            run_all(made.pipeline, main)
        [(_, left)] = program.send(given_bytes + bytes(10))
        assert [left[0], left[1], left[3]] == [made.pipeline[n] for n in ("h.i.a", "h.i.b", "m.x")]
