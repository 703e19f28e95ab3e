"""The type checker: resolves names, types expressions, makes conversions explicit, folds constants."""

from __future__ import annotations

from testbed.p4.compiler.check.declarations import Checker

__all__ = ["Checker"]
