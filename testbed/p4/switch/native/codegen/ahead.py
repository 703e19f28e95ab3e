"""Keys that a packet's headers give away before ingress runs, for runtime/ahead.c to fetch what they lead
to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from testbed.p4.switch.model import FieldRef, HeaderRef, KeyField, Primitive, Program, Table
from testbed.p4.switch.native.codegen.bounds import BoundsOf
from testbed.p4.switch.native.codegen.layout import Layout
from testbed.p4.switch.native.codegen.tables import KeyLayout, TableWriter
from testbed.p4.switch.native.codegen.writer import Writer, comment

MAX_TABLES: Final = 4
MAX_WORDS: Final = 4
"""As VS_AHEAD_TABLES and VS_AHEAD_WORDS in runtime/vs_pipe.h."""


def tables_ahead(program: Program, ingress: Iterable[int]) -> list[int]:
    """The tables among `ingress` whose keys can be made of what the parser leaves."""
    if any(isinstance(op, Primitive) for state in program.parser.states for op in state.ops):
        return []  # to parse twice would be to log or assert twice
    return [i for i in ingress if _is_known(program, program.tables[i])][:MAX_TABLES]


def _is_known(program: Program, table: Table) -> bool:
    if table.match_kind not in ("exact", "lpm") or not table.key:
        return False
    return KeyLayout(table).key_words <= MAX_WORDS and all(_from_headers(program, f) for f in table.key)


def _from_headers(program: Program, field: KeyField) -> bool:
    port: FieldRef | None = program.intrinsic("standard_metadata.ingress_port")
    header = field.ref.header
    return field.ref == port or isinstance(field.ref, HeaderRef) or not program.headers[header].metadata


def declare_look_ahead(layout: Layout, bounds: BoundsOf, w: Writer, ahead: list[int]) -> None:
    """`look_ahead`, which parses a packet and makes its keys, and the tables they are of."""
    program = layout.program
    w.line()
    w.line(f"static const u32 ahead_tables[] = {{{', '.join(map(str, ahead))}}};")
    w.line()
    arguments = "struct vs_context *c, struct vs_phv *p, struct vs_packet *k, u64 (*keys)[VS_AHEAD_WORDS]"
    with w.block(f"static void look_ahead({arguments})"):
        writer = TableWriter(layout, bounds, w)
        w.line("arrive(c, p, k);")
        w.line("k->parsed = true;")
        for number, position in enumerate(ahead):
            table = program.tables[position]
            with w.block():
                w.line(comment(table.name))
                w.line(f"u64 *const key = keys[{number}];")
                writer.key(KeyLayout(table))
