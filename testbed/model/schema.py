"""The JSON Schema of topology files, for editors."""

from __future__ import annotations

from typing import Any

from testbed.model.topology import Topology


def topology_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a topology file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Topology.model_json_schema()}
