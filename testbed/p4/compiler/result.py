"""What a compilation gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from testbed.p4.compiler.diagnostics import Diagnostic
    from testbed.p4.compiler.p4info.stubs import p4i


@dataclass(frozen=True, slots=True)
class CompiledProgram:
    """What a program compiles to; `json` is the bmv2 document as Python objects."""

    json: dict[str, Any]
    p4info: p4i.P4Info
    warnings: list[Diagnostic]
