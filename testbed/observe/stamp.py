"""The payload that all probes send: apart, because what a probe imports is loaded once for each flow."""

from __future__ import annotations

import struct

PROBE = struct.Struct("!4sIQq")
"""Payload of a probe datagram: magic, flow number, sequence, time of sending (CLOCK_MONOTONIC, ns)."""
PROBE_MAGIC = b"vmto"
