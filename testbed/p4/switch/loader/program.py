"""The whole JSON document."""

from __future__ import annotations

import json
from typing import Final

from testbed.p4.switch.loader.actions import load_actions
from testbed.p4.switch.loader.cursor import Cursor
from testbed.p4.switch.loader.headers import load_headers
from testbed.p4.switch.loader.objects import (
    load_arrays,
    load_calculations,
    load_checksums,
    load_field_lists,
    load_learn_lists,
)
from testbed.p4.switch.loader.parsers import load_deparser, load_errors, load_parser, load_value_sets
from testbed.p4.switch.loader.scope import Scope
from testbed.p4.switch.loader.tables import PipelineLoader
from testbed.p4.switch.model import ModelError, Pipeline, Program

VERSION: Final = (2, 24)
"""The newest bmv2 JSON format there is; every 2.x up to it is read."""

REQUIRED_FIELDS: Final = ("ingress_port", "packet_length", "instance_type", "egress_spec", "egress_port")
"""Fields of standard_metadata without which simple_switch does not start."""


def load(data: bytes | str, source: str) -> Program:
    """See `model.parse_program`."""
    try:
        document = json.loads(data)
    except RecursionError:
        raise ModelError(f"{source}: nested too deep") from None
    except ValueError as error:
        raise ModelError(f"{source}: this is no JSON: {error}") from None
    root = Cursor(document, None, source)
    if not isinstance(document, dict):
        raise root.error("expected a bmv2 JSON program, an object")
    _check_version(root)
    return _load(root, source)


def _check_version(root: Cursor) -> None:
    meta = root.opt("__meta__")
    version = None if meta is None else meta.opt("version")
    if version is None:
        return
    major, minor = (part.number(0, 1000) for part in version.tuple(2))
    if major != VERSION[0] or minor > VERSION[1]:
        raise version.error(f"format {major}.{minor}; this switch reads 2.0 ... {VERSION[0]}.{VERSION[1]}")


def _load(root: Cursor, source: str) -> Program:
    scope = Scope()
    load_headers(root, scope)
    load_errors(root, scope)
    load_value_sets(root, scope)
    load_calculations(root, scope)
    load_arrays(root, scope)
    if root.items("extern_instances"):
        raise root.get("extern_instances").error("externs beyond v1model are not supported")
    load_actions(root, scope)
    parser = load_parser(root, scope)
    pipelines = PipelineLoader(scope)
    by_name: dict[str, Pipeline] = {}
    for at in root.items("pipelines"):
        if at.name() in by_name:
            raise at.get("name").error(f"a second pipeline named '{at.name()}'")
        by_name[at.name()] = pipelines.load(at)
    for name in ("ingress", "egress"):
        if name not in by_name:
            raise root.error(f"there is no pipeline named '{name}'")
    program = Program(
        source=source,
        header_types=tuple(scope.header_types),
        headers=tuple(scope.headers),
        stacks=tuple(scope.stacks),
        unions=tuple(scope.unions),
        union_stacks=tuple(scope.union_stacks),
        errors=scope.errors,
        enums=_enums(root),
        aliases=scope.aliases,
        value_sets=tuple(scope.value_sets),
        parser=parser,
        deparser=load_deparser(root, scope),
        actions=tuple(scope.actions),
        tables=tuple(pipelines.tables),
        conditionals=tuple(pipelines.conditionals),
        calls=tuple(pipelines.calls),
        ingress=by_name["ingress"],
        egress=by_name["egress"],
        profiles=tuple(pipelines.profiles),
        counters=tuple(scope.counters),
        meters=tuple(scope.meters),
        registers=tuple(scope.registers),
        calculations=tuple(scope.calculations),
        checksums=load_checksums(root, scope),
        learn_lists=load_learn_lists(root, scope),
        field_lists=load_field_lists(root, scope),
    )
    for name in REQUIRED_FIELDS:
        if program.intrinsic(f"standard_metadata.{name}") is None:
            raise root.error(f"field standard_metadata.{name} is missing: this program is not for v1model")
    return program


def _enums(root: Cursor) -> dict[str, dict[str, int]]:
    enums: dict[str, dict[str, int]] = {}
    for at in root.items("enums"):
        entries = enums.setdefault(at.name(), {})
        for item in at.items("entries"):
            name, value = item.tuple(2)
            entries[name.text()] = value.number(-(2**31), 2**31 - 1)
    return enums
