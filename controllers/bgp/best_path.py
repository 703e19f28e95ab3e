"""Which of several paths to one NLRI is best (RFC 4271 §9.1.2, RFC 4456 §9, and for MACs bis §7.13.1).

Each rule narrows the candidates down; the first that leaves one decides. Narrowing, unlike comparing
in pairs, gives the same answer in any order although two of the rules are no total orders: MED, which
counts only between paths of one neighbouring AS, and sequence numbers, which wrap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from controllers.bgp.paths import Path
from controllers.wire.attributes import DEFAULT_LOCAL_PREF, PathAttributes
from controllers.wire.extended import DefaultGateway, MacMobility
from controllers.wire.serial import newer
from controllers.wire.types import EVPN, RT_CONSTRAINT

Rule = Callable[[list[Path]], list[Path]]


def _attributes(path: Path) -> PathAttributes:
    return path.shared.attributes.typed


def _lowest(measure: Callable[[Path], Any]) -> Rule:
    """Keep the paths for which `measure` is lowest."""

    def rule(paths: list[Path]) -> list[Path]:
        measures = [measure(path) for path in paths]
        least = min(measures)
        return [path for path, value in zip(paths, measures, strict=True) if value == least]

    return rule


def _mobility(path: Path) -> MacMobility:
    return _attributes(path).find(MacMobility) or MacMobility(0)


def _newest_sequence(paths: list[Path]) -> list[Path]:
    """Keep the paths that none surpasses; all of them if the sequences form a circle."""
    sequences = [_mobility(path).sequence for path in paths]
    kept = [
        path
        for path, sequence in zip(paths, sequences, strict=True)
        if not any(newer(other, sequence) for other in sequences)
    ]
    return kept or paths


def _lowest_med(paths: list[Path]) -> list[Path]:
    """Drop a path if one from the same neighbouring AS has a lower MED; absent means 0 (§9.1.2.2 c)."""
    lowest: dict[int | None, int] = {}
    for path in paths:
        attributes = _attributes(path)
        neighbor, med = attributes.neighbor_as, attributes.med or 0
        lowest[neighbor] = min(med, lowest.get(neighbor, med))
    return [path for path in paths if (_attributes(path).med or 0) == lowest[_attributes(path).neighbor_as]]


def _local_pref(path: Path) -> int:
    value = _attributes(path).local_pref
    return DEFAULT_LOCAL_PREF if value is None else value


def _identifier(path: Path) -> int:
    source = path.shared.source
    identifier = _attributes(path).originator_id or source.router_id
    return 0 if identifier is None else int(identifier)


def _address(path: Path) -> bytes:
    address = path.shared.source.address
    return b"" if address is None else address.packed


def _gateway(path: Path) -> bool:
    return _attributes(path).find(DefaultGateway) is not None


MAC_RULES: Final[tuple[Rule, ...]] = (
    _lowest(lambda path: not _gateway(path)),
    _lowest(lambda path: not (_gateway(path) and path.shared.source.local)),
    _lowest(lambda path: not _mobility(path).sticky),
    _newest_sequence,
)
"""What comes first for MAC/IP routes (draft-ietf-bess-rfc7432bis §7.13.1)."""

RULES: Final[tuple[Rule, ...]] = (
    _lowest(lambda path: -_local_pref(path)),
    _lowest(lambda path: not path.shared.source.local),
    _lowest(lambda path: _attributes(path).as_path_length),
    _lowest(lambda path: _attributes(path).origin),
    _lowest_med,
    _lowest(lambda path: not path.shared.source.external),
    _lowest(_identifier),
    _lowest(lambda path: len(_attributes(path).cluster_list)),
    _lowest(_address),
)
"""RFC 4271 §9.1.1 and §9.1.2.2 and RFC 4456 §9; the distance to a next hop is not known here."""


def best_path(paths: list[Path]) -> Path:
    """Choose among one or more paths to the same NLRI.

    Among RT memberships a client's path comes before a better one of a neighbour that is none: reflectors
    that are no clients of each other must hear of the clients of both (RFC 4684 §3.2). It makes no
    difference to clients, and filters are built from all paths.
    """
    best = _narrow(paths)
    source = best.shared.source
    if best.shared.attributes.family != RT_CONSTRAINT or source.client or source.local or source.external:
        return best
    clients = [path for path in paths if path.shared.source.client]
    return _narrow(clients) if clients else best


def _narrow(paths: list[Path]) -> Path:
    if len(paths) == 1:
        return paths[0]
    first = paths[0]
    mac_ip = first.shared.attributes.family == EVPN and first.nlri[0] == 2
    for rule in (*MAC_RULES, *RULES) if mac_ip else RULES:
        paths = rule(paths)
        if len(paths) == 1:
            break
    return paths[0]
