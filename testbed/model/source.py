"""YAML text -> plain data, with the line of every key and value kept.

YAML is read by the safe loader's composer only: no tags, no aliases (an alias can blow a small file up to
gigabytes), bounded size and depth. Keys written twice are reported, not silently merged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import yaml

from testbed.model.errors import Problem, TopologyError

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

Path = tuple[str | int, ...]

_STR = "tag:yaml.org,2002:str"
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}


@final
@dataclass(slots=True)
class Source:
    """The data of one file and the line (from 1) at which each path in it stands."""

    file: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Line of `path`, or of the nearest thing around it that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: Path, what: str, instead: str = "") -> Problem:
        """A problem at `path`."""
        return Problem(self.file, self.line(path), what, instead)


class _Loader(yaml.SafeLoader):
    """The safe loader, without aliases and without bottomless nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self._refuse("an alias (*name) is not allowed")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH} levels")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refuse(self, problem: str) -> None:
        mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def parse(text: str | bytes, file: str) -> Source:
    """Read YAML `text`; `file` is the name used in messages. Raises `TopologyError`."""
    if len(text) > MAX_BYTES:
        raise TopologyError([Problem(file, 1, f"larger than {MAX_BYTES >> 10} KiB", "split the lab")])
    source = Source(file)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise TopologyError([Problem(file, 1, "the file is empty", "start with `name: my-lab`")])
        problems: list[Problem] = []
        source.data = _convert(loader, node, (), source, problems)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        context = f" {error.context}" if error.context else ""
        raise TopologyError([Problem(file, line, f"not YAML{context}: {error.problem}")]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise TopologyError([Problem(file, 1, f"not YAML: {reason}")]) from None
    if problems:
        raise TopologyError(problems)
    return source


def _convert(loader: _Loader, node: yaml.Node, path: Path, source: Source, problems: list[Problem]) -> Any:
    """Data of `node`; lines of it and of everything below go to `source`."""
    source.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode):
                problems.append(Problem(source.file, line, "a key must be a name", "write `name: ...`"))
            elif key in result:
                first = source.lines[*path, key]
                problems.append(
                    Problem(
                        source.file,
                        line,
                        f"duplicate {key!r} (first on line {first})",
                        "rename one of the two",
                    )
                )
            else:
                source.lines[*path, key] = line
                result[key] = _convert(loader, value_node, (*path, key), source, problems)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_convert(loader, item, (*path, i), source, problems) for i, item in enumerate(node.value)]
    return _scalar(loader, node, source, problems)


def _scalar(loader: _Loader, node: yaml.Node, source: Source, problems: list[Problem]) -> Any:
    """A str, int, float, bool or None. `10:20:30:40:50:51` stays text (YAML 1.1 reads it in base 60).

    So does what its tag (`!!bool maybe`) or its size makes no use of: the messages say what was written.
    """
    text: str = node.value
    if node.tag not in _PLAIN_TAGS:
        problems.append(
            Problem(
                source.file, node.start_mark.line + 1, f"tag {node.tag!r} is not allowed", "remove the tag"
            )
        )
        return None
    if node.tag in (_STR, "tag:yaml.org,2002:timestamp") or ":" in text:
        return text
    try:
        value = loader.construct_object(node)
    except (ValueError, LookupError):
        return text
    return text if isinstance(value, int) and value.bit_length() > 64 else value
