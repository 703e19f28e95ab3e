"""The tables: what each neighbour sent (adj-RIB-in), and the best of it (loc-RIB)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import final

from controllers.bgp.best_path import best_path
from controllers.bgp.paths import Path, SharedPath, Source
from controllers.wire.update import KeyedNlri

AdjRibIn = dict[bytes, Path]
"""What one neighbour sent for one family, before policy, by key."""


@final
class Table:
    """The loc-RIB of one family: every path that policy let in, and the best one per key.

    `changed` remembers, for every key touched since `take_changes`, which path was the best one then.
    """

    __slots__ = ("_rivals", "best", "changed")

    def __init__(self) -> None:
        self.best: dict[bytes, Path] = {}
        self.changed: dict[bytes, Path | None] = {}
        self._rivals: dict[bytes, list[Path]] = {}

    def __len__(self) -> int:
        return len(self.best)

    def paths(self, key: bytes) -> list[Path]:
        """All paths to one key, the best one first."""
        best = self.best.get(key)
        if best is None:
            return []
        return [best, *(path for path in self._rivals.get(key, ()) if path is not best)]

    def put_all(self, shared: SharedPath, routes: Iterable[KeyedNlri], received: AdjRibIn) -> None:
        """Take in routes with equal attributes, in place of what their source had there before.

        They are noted in `received` too: this loop is where a reflector spends its time.
        """
        best, changed, source = self.best, self.changed, shared.source
        for key, nlri in routes:
            path = Path(shared, nlri)
            received[key] = path
            current = best.get(key)
            if current is None:
                best[key] = path
            elif current.shared.source is source and key not in self._rivals:
                if current == path:
                    continue
                best[key] = path
            else:
                self._compete(key, current, path)
                continue
            if key not in changed:
                changed[key] = current

    def put(self, key: bytes, path: Path) -> None:
        """Take in one path, in place of what its source had there before."""
        current = self.best.get(key)
        if current is None or (current.shared.source is path.shared.source and key not in self._rivals):
            self._choose(key, current, path)
        else:
            self._compete(key, current, path)

    def remove(self, key: bytes, source: Source) -> None:
        """Take out the path of one source, if it has one."""
        current = self.best.get(key)
        if current is None:
            return
        rivals = self._rivals.get(key)
        if rivals is None:
            if current.shared.source is source:
                self._choose(key, current, None)
            return
        self._decide(key, current, [path for path in rivals if path.shared.source is not source])

    def take_changes(self) -> dict[bytes, Path | None]:
        """What has changed since the last call: keys with their former best paths."""
        changes, self.changed = self.changed, {}
        return changes

    def known(self) -> Iterator[tuple[bytes, Path]]:
        """The best paths, and the former ones of keys that have changed: a neighbour may have either."""
        yield from self.best.items()
        for key, former in self.changed.items():
            if former is not None:
                yield key, former

    def _compete(self, key: bytes, current: Path, path: Path) -> None:
        rivals = self._rivals.get(key, [current])
        source = path.shared.source
        self._decide(key, current, [p for p in rivals if p.shared.source is not source] + [path])

    def _decide(self, key: bytes, current: Path, candidates: list[Path]) -> None:
        if len(candidates) > 1:
            self._rivals[key] = candidates
        else:
            self._rivals.pop(key, None)
        self._choose(key, current, best_path(candidates) if candidates else None)

    def _choose(self, key: bytes, current: Path | None, chosen: Path | None) -> None:
        if current == chosen:
            return
        if chosen is None:
            del self.best[key]
        else:
            self.best[key] = chosen
        self.changed.setdefault(key, current)

    def __iter__(self) -> Iterator[tuple[bytes, Path]]:
        return iter(self.best.items())
