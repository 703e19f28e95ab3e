"""The runtime's functions through ctypes. Calls leave the interpreter lock to others while they run."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_double, c_int, c_int64, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Final

from testbed.p4.switch.native.build import build_runtime

_SIGNATURES: Final = {
    "vs_switch_new": (c_void_p, [c_uint32, c_uint32, c_uint32, c_uint64, c_uint32]),
    "vs_switch_free": (None, [c_void_p]),
    "vs_load_program": (c_int, [c_void_p, c_void_p, c_char_p, c_uint32, c_void_p]),
    "vs_apply": (c_uint32, [c_void_p, c_char_p, c_uint32, c_void_p, c_bool]),
    "vs_read_counter": (None, [c_void_p, c_uint32, c_uint32, c_uint32, c_void_p]),
    "vs_read_register": (None, [c_void_p, c_uint32, c_uint32, c_uint32, c_void_p]),
    "vs_ages": (None, [c_void_p, c_uint32, c_uint32, c_uint32, c_void_p]),
    "vs_release_digest": (None, [c_void_p, c_uint32, c_char_p, c_uint32]),
    "vs_stats": (None, [c_void_p, c_void_p, c_void_p]),
    "vs_set_logging": (None, [c_void_p, c_bool]),
    "vs_event_fd": (c_int, [c_void_p]),
    "vs_take_events": (c_int64, [c_void_p, c_void_p, c_uint64, c_uint32]),
    "vs_send_packet_out": (c_bool, [c_void_p, c_char_p, c_uint32]),
    "vs_inject": (
        c_int64,
        [c_void_p, c_uint32, c_char_p, c_uint32, c_bool, c_uint64, POINTER(c_void_p)],
    ),
    "vs_free": (None, [c_void_p]),
    "vs_measure": (
        c_uint64,
        [c_void_p, c_uint32, c_char_p, c_uint32, c_uint32, c_uint64, POINTER(c_uint64)],
    ),
    "vs_add_port": (
        c_bool,
        [c_void_p, c_uint32, c_char_p, c_double, c_double, c_char_p, c_char_p, c_uint32],
    ),
    "vs_remove_port": (c_bool, [c_void_p, c_uint32]),
    "vs_offloads_off": (None, [c_char_p]),
    "vs_set_port": (c_bool, [c_void_p, c_uint32, c_bool]),
    "vs_list_ports": (c_uint32, [c_void_p, c_void_p, c_void_p]),
}


class Library:
    """A loaded runtime."""

    def __init__(self, path: Path) -> None:
        self.dll = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self.dll, name)
            function.restype = result
            function.argtypes = arguments
        self.count_names = self._count_names()

    def _count_names(self) -> list[str]:
        """Names of the counts of `vs_stats`, a list that ends with NULL."""
        names = (c_char_p * 256).in_dll(self.dll, "vs_count_names")
        result = []
        for name in names:
            if name is None:
                break
            result.append(name.decode())
        return result


@cache
def _load(path: Path) -> Library:
    return Library(path)


def library() -> Library:
    """The runtime, built if need be."""
    return _load(build_runtime())


@cache
def _open(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))


def program_address(path: Path) -> int:
    """Where a compiled program's description is in memory."""
    return ctypes.addressof(ctypes.c_char.in_dll(_open(path), "vs_program"))
