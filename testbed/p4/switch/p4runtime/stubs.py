"""The P4Runtime protobuf messages, which the finsy package carries.

Only the message modules are loaded: `import finsy` would bring its whole client, 60 ms and 7 MB of it, into
every switch. A later `import finsy` in the same process finds the same modules.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finsy.proto import p4d, p4i, p4r, p4t, rpc_status, stratum


def _message_modules(*names: str) -> list[ModuleType]:
    """Import modules below `finsy.proto` without running the packages above them."""
    made = []
    for package in ("finsy", "finsy.proto"):
        if package not in sys.modules:
            path = sys.modules["finsy"].__path__ if package != "finsy" else None
            spec = PathFinder.find_spec(package, path)
            if spec is None or spec.submodule_search_locations is None:
                raise ModuleNotFoundError(f"{package} is not installed")
            module = ModuleType(package)
            module.__path__ = list(spec.submodule_search_locations)
            sys.modules[package] = module
            made.append(package)
    try:
        return [import_module(f"finsy.proto.{name}") for name in names]
    finally:
        for package in made:
            del sys.modules[package]


if not TYPE_CHECKING:
    p4r, p4i, p4d, p4t, rpc_status, stratum = _message_modules(
        "p4.v1.p4runtime_pb2",
        "p4.config.v1.p4info_pb2",
        "p4.v1.p4data_pb2",
        "p4.config.v1.p4types_pb2",
        "google.rpc.status_pb2",
        "stratum1.p4_role_config_pb2",
    )

__all__ = ["p4d", "p4i", "p4r", "p4t", "rpc_status", "stratum"]
