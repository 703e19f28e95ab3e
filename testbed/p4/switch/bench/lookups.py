"""How long a lookup takes in a small and in a large table of each match kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from testbed.p4.compiler.compile import compile_program
from testbed.p4.switch.bench.cases import L3_SOURCE, ethernet, ipv4_header
from testbed.p4.switch.bench.memory import Figure, best_ns
from testbed.p4.switch.entries import EntryWriter, Match
from testbed.p4.switch.model import Program, parse_program
from testbed.p4.switch.native import NativeTarget

FILTER_SOURCE: Final = Path(__file__).parent / "filter.p4"
SIZES: Final = (100, 100_000)
_MASKS: Final = [
    (src, dst, port) for src in (0, 0xFFFF0000) for dst in (0xFFFFFF00, 0xFFFFFFFF) for port in (0, 0xFFFF)
]
"""(source, destination, port): what filters of hosts and subnets look like."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A table, and how its entry number `i`, and a frame that hits it, are made of a random 24-bit number
    that no other entry has."""

    kind: str
    source: Path
    table: str
    match: Callable[[int, int], Match]
    frame: Callable[[int], bytes]
    params: tuple[str, ...] = ("port",)
    prioritized: bool = False


def _routed(address: int) -> bytes:
    return (ethernet(1, 2, 0x0800) + ipv4_header(26, dst=address)).ljust(64, b"\0")


def _filtered(kind: int, dst: int) -> bytes:
    packet = kind.to_bytes() + b"\x06" + b"\x01\xbb" + (0x0A000001).to_bytes(4) + dst.to_bytes(4)
    return packet.ljust(64, b"\0")


def _masked(i: int, number: int) -> Match:
    src, dst, port = _MASKS[i % len(_MASKS)]
    fields = {"src": (0x0A000000, src), "dst": (number << 8, dst), "port": (443, port)}
    return {f"hdr.packet.{name}": match for name, match in fields.items() if match[1]}


_ROUTE_PARAMS: Final = ("port", "src_mac", "dst_mac")

LOOKUPS: Final = (
    Lookup(
        "exact",
        L3_SOURCE,
        "Ingress.neighbor",
        lambda _, number: {"hdr.ipv4.dst": number},
        _routed,
        _ROUTE_PARAMS,
    ),
    Lookup(
        "lpm",
        L3_SOURCE,
        "Ingress.route",
        lambda _, number: {"hdr.ipv4.dst": (number << 8, 24)},
        lambda number: _routed(number << 8),
        _ROUTE_PARAMS,
    ),
    Lookup(
        "ternary",
        FILTER_SOURCE,
        "Ingress.masks",
        _masked,
        lambda number: _filtered(0, number << 8),
        prioritized=True,
    ),
    Lookup(
        "range",
        FILTER_SOURCE,
        "Ingress.ranges",
        lambda _, number: {"hdr.packet.dst": (number << 8, number << 8 | 0xFF)},
        lambda number: _filtered(1, number << 8 | 7),
        prioritized=True,
    ),
)


def lookups(choice: tuple[Lookup, ...] = LOOKUPS, sizes: tuple[int, ...] = SIZES) -> Iterator[Figure]:
    """Nanoseconds per packet of the program, each entry hit as often as any other, in no order; and how many
    times slower it is with the most entries than with the fewest."""
    programs: dict[Path, Program] = {}
    for lookup in choice:
        if lookup.source not in programs:
            text = json.dumps(compile_program(lookup.source).json)
            programs[lookup.source] = parse_program(text, lookup.source.stem)
        took = {entries: _measured(programs[lookup.source], lookup, entries, max(sizes)) for entries in sizes}
        for entries, ns in took.items():
            yield f"lookup_{lookup.kind}", ns, "ns per packet", f"{entries} entries"
        growth = took[max(sizes)] / took[min(sizes)]
        yield f"lookup_{lookup.kind}_growth", growth, "times", f"{max(sizes) // min(sizes)} times the entries"


def _measured(program: Program, lookup: Lookup, entries: int, packets: int) -> float:
    rng = Random(1)  # noqa: S311 - the same addresses every time
    numbers = rng.sample(range(1 << 24), entries)
    target = NativeTarget()
    try:
        target.load(program)
        writer = EntryWriter(target, program)
        params = dict.fromkeys(lookup.params, 1)
        for i, number in enumerate(numbers):
            priority = i if lookup.prioritized else 0
            writer.insert(
                lookup.table, lookup.match(i, number), "Ingress.forward", priority=priority, **params
            )
        frames = [lookup.frame(number) for number in numbers] * (packets // entries)
        rng.shuffle(frames)
        if any([port for port, _ in target.inject(0, frame)] != [1] for frame in frames[:10]):
            raise RuntimeError(f"{lookup.table}: a frame does not find its entry")
        return best_ns(target, frames)
    finally:
        target.close()
