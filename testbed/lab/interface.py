"""Mininet's interface object for interfaces that are made by netlink."""

from __future__ import annotations

from typing import Any

from mininet.link import Intf

from testbed.lab import wires


class Interface(Intf):  # type: ignore[misc]
    """An interface that is ready, and where it belongs, when Mininet hears of it."""

    def __init__(self, name: str, *, address: str = "", **options: Any) -> None:
        """`address` with a prefix length is for show; other options as Mininet's."""
        Intf.__init__(self, name, moveIntfFn=lambda *_: None, **options)
        self.ip, _, self.prefixLen = address.partition("/")

    def config(self, **_params: Any) -> dict[str, Any]:
        """Nothing is left to configure."""
        return {}

    def delete(self) -> None:
        """Remove it; what is in a guest's namespace goes with that."""
        if not self.node.inNamespace:
            wires.remove(self.name)
        self.node.delIntf(self)
