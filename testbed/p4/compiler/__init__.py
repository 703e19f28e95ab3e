"""P4_16 for v1model to bmv2 JSON and P4Info: `compile_program`, `compile_cached`, and the `main` module.

The names are loaded when first used, so that importing one part does not load the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbed.p4.compiler.cache import compile_cached
    from testbed.p4.compiler.compile import compile_program
    from testbed.p4.compiler.diagnostics import CompileError
    from testbed.p4.compiler.result import CompiledProgram

__all__ = ["CompileError", "CompiledProgram", "compile_cached", "compile_program"]

_HOMES = {"compile_cached": "cache", "CompileError": "diagnostics", "CompiledProgram": "result"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'compile')}"), name)
