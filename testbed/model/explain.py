"""What pydantic says of a file's data, in our words: where it stands, what is wrong, what to write instead.

Parts that are told apart by one of their keys are tagged unions (`one_of`); pydantic puts the tag into the
path of an error, where the file has nothing.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Tag, ValidationError
from pydantic_core import ErrorDetails

from testbed.model.errors import Problem, closest, suggest
from testbed.model.source import Path, Source

NO_KIND = "no_kind"
"""pydantic's name, among ours, for a part that has none of the keys that say which part it is."""


def by_key(keys: tuple[str, ...]) -> Discriminator:
    """Tells the parts of a tagged union apart: each has one of `keys`, and is tagged with it."""

    def kind(value: Any) -> str | None:
        if isinstance(value, BaseModel):
            return next((key for key in _names(type(value)) if key in keys), None)
        return next((key for key in value if key in keys), None) if isinstance(value, dict) else None

    return Discriminator(
        kind,
        custom_error_type=NO_KIND,
        custom_error_message="it must have one of {keys}",
        custom_error_context={"keys": ", ".join(keys)},
    )


def explain(model: type[BaseModel], source: Source, error: ValidationError) -> list[Problem]:
    """All problems that `model` has with the data of a file."""
    return [_problem(model, source, detail) for detail in _distinct(error.errors())]


def _distinct(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what another problem causes: the "missing" beside a misspelt key, the "too short" around it."""
    places = [detail["loc"] for detail in details]
    details = [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(
            len(loc) > len(detail["loc"]) and loc[: len(detail["loc"])] == detail["loc"] for loc in places
        )
    ]
    unknown = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
    return [
        detail
        for detail in details
        if detail["type"] != "missing"
        or not any(
            loc[:-1] == detail["loc"][:-1] and closest(str(loc[-1]), [str(detail["loc"][-1])])
            for loc in unknown
        )
    ]


def _problem(root: type[BaseModel], source: Source, detail: ErrorDetails) -> Problem:
    """One of pydantic's errors in our words."""
    path, around = _place(root, detail["loc"])
    kind, key = detail["type"], str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        return source.problem(path, f"unknown key {key!r}", suggest(key, _names(around) if around else ()))
    if kind == "missing":
        where = f" in {'.'.join(str(part) for part in path[:-1])!r}" if path[:-1] else ""
        return source.problem(
            path, f"missing key {key!r}{where}", f"add `{key}: ...` ({_describe(around, key)})"
        )
    label = ".".join(str(part) for part in path)
    if kind == NO_KIND:
        return _without_kind(source, path, label, detail)
    if kind == "value_error":
        what, _, instead = str(detail["ctx"]["error"]).partition(": ")
        return source.problem(path, f"{label}: {what}" if label else what, instead)
    if kind == "enum":
        expected = str(detail["ctx"]["expected"])
        options = [option.strip("'") for option in expected.replace(" or ", ", ").split(", ")]
        return source.problem(
            path, f"{label}: unknown value {detail['input']!r}", suggest(str(detail["input"]), options)
        )
    given = repr(detail["input"])
    given = given if len(given) <= 40 else given[:37] + "..."
    if kind == "tuple_type":
        instead = f"write [{detail['input']}]" if isinstance(detail["input"], str) else "write [..., ...]"
        return source.problem(path, f"{label}: {given} is not a list", instead)
    return source.problem(
        path, f"{label}: {given} is not allowed", detail["msg"][:1].lower() + detail["msg"][1:]
    )


def _without_kind(source: Source, path: Path, label: str, detail: ErrorDetails) -> Problem:
    """A part of which nobody can tell what it is: the key that was meant, or all there are."""
    keys = str(detail["ctx"]["keys"]).split(", ")
    given = list(detail["input"]) if isinstance(detail["input"], dict) else []
    for key in map(str, given):
        if closest(key, keys):
            return source.problem((*path, key), f"unknown key {key!r}", suggest(key, keys))
    what = f"{label}: nothing says what this is"
    return source.problem(path, what, f"write one of {', '.join(f'`{key}:`' for key in keys)}")


def _place(root: type[BaseModel], loc: tuple[str | int, ...]) -> tuple[Path, type[BaseModel] | None]:
    """Where in the file an error is, and the model whose key it is about, if any."""
    current: Any = root
    around: type[BaseModel] | None = None
    path: list[str | int] = []
    for part in loc:
        if part == "[key]":
            continue
        current, around = _plain(current), None
        members = _members(current)
        if members:
            current = members.get(str(part))
            continue
        path.append(part)
        if isinstance(current, type) and issubclass(current, BaseModel):
            around = current
            current = _fields(current).get(str(part), (None, ""))[0]
        else:
            current = next((a for a in reversed(typing.get_args(current)) if a is not Ellipsis), None)
    return tuple(path), around


def _plain(annotation: Any) -> Any:
    """Without None as an alternative, and without metadata other than tags."""
    while True:
        if (isinstance(annotation, types.UnionType) and not _members(annotation)) or typing.get_origin(
            annotation
        ) is Annotated:
            annotation = typing.get_args(annotation)[0]
        else:
            return annotation


def _members(annotation: Any) -> dict[str, Any]:
    """The parts of a tagged union by their tags; empty for anything else."""
    tags = {}
    for member in typing.get_args(annotation):
        for data in getattr(member, "__metadata__", ()):
            if isinstance(data, Tag):
                tags[data.tag] = typing.get_args(member)[0]
    return tags


def _fields(model: type[BaseModel]) -> dict[str, tuple[Any, str]]:
    """Annotation and description of every key, by its name in a file."""
    return {
        info.alias or name: (info.annotation, info.description or "")
        for name, info in model.model_fields.items()
    }


def _names(model: type[BaseModel]) -> Iterator[str]:
    return iter(_fields(model))


def _describe(model: type[BaseModel] | None, key: str) -> str:
    description = _fields(model)[key][1] if model else ""
    return (description or "required").rstrip(".").splitlines()[0]
