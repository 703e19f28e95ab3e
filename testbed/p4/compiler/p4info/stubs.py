"""The messages of `p4.config.v1`, without the cost of what comes with them.

`finsy` carries the stubs, but importing it imports grpc and asyncio (0.15 s). The modules of this one package
need protobuf only, so they are loaded as a package of their own; protobuf keeps one class per message, so
messages are of the same classes as `finsy.proto.p4i`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finsy.proto import p4i, p4t
else:

    def _load(name: str) -> ModuleType:
        alias = f"{__name__}.p4_config_v1"
        if alias not in sys.modules:
            spec = importlib.util.find_spec("finsy")
            places = spec.submodule_search_locations if spec is not None else None
            if not places:
                msg = "package finsy is not installed: it carries the P4Runtime messages"
                raise ModuleNotFoundError(msg, name="finsy")
            package = ModuleType(alias)
            package.__path__ = [str(Path(places[0], "proto", "p4", "config", "v1"))]
            sys.modules[alias] = package
        return importlib.import_module(f"{alias}.{name}")

    p4t = _load("p4types_pb2")
    p4i = _load("p4info_pb2")

__all__ = ["p4i", "p4t"]
