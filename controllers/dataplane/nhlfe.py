"""Next hop label forwarding entries: the table `nhlfe`, which PE and P router have in common."""

from __future__ import annotations

from typing import Final, final

from controllers.dataplane.entity import EntityKey, TableEntry, action, entry
from controllers.dataplane.plane import Ids
from controllers.underlay.transport import Hop

MAX_LABELS: Final = 5
"""Transport labels that one entry can push."""


@final
class Nhlfes:
    """Numbers for hops. ValueError for a stack deeper than `MAX_LABELS`."""

    def __init__(self) -> None:
        self._ids = Ids(1, (1 << 16) - 1)

    def of(self, hop: Hop, labels: tuple[int, ...]) -> tuple[int, TableEntry]:
        """The number and the entry for a hop's link with these labels to push, outermost first."""
        if len(labels) > MAX_LABELS:
            raise ValueError(f"{len(labels)} transport labels: at most {MAX_LABELS} can be pushed")
        number = self._ids.of((hop.port, hop.source_mac, hop.destination_mac, labels))
        numbered = {f"label_{position}": label for position, label in enumerate(labels, start=1)}
        push = action(f"push_{len(labels)}", src_mac=hop.source_mac, dst_mac=hop.destination_mac, **numbered)
        return number, entry("nhlfe", {"nhlfe": number}, push)

    def freed(self, key: EntityKey) -> None:
        """Give the number of a removed entry back."""
        release(self._ids, "nhlfe", "nhlfe", key)


def release(ids: Ids, table: str, field: str, key: EntityKey) -> None:
    """Give back the id in match field `field` if `key` is that of an entry of `table`."""
    if key[0] == table and isinstance(key[1], tuple):
        ids.release(dict(key[1])[field])
