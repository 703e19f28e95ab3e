"""P4Info files in the formats that p4c writes, chosen by extension."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.p4.compiler.p4info.stubs import p4i

FORMATS = {".txt": "text", ".txtpb": "text", ".json": "json", ".bin": "binary", ".pb": "binary"}
HEAD = "# proto-file: p4/config/v1/p4info.proto\n# proto-message: p4.config.v1.P4Info\n\n"


def format_of(path: str) -> str | None:
    """`text`, `json` or `binary` by the file's extension, None for an unknown one."""
    return FORMATS.get(Path(path).suffix)


def encoded(info: p4i.P4Info, form: str) -> bytes:
    """The message in one of the three formats."""
    if form == "binary":
        return info.SerializeToString(deterministic=True)
    if form == "json":
        from google.protobuf import json_format

        return json_format.MessageToJson(info).encode()
    from google.protobuf import text_format

    return (HEAD + text_format.MessageToString(info)).encode()
