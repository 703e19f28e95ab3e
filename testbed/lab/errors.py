"""What a lab can refuse, said in one line."""

from __future__ import annotations

from typing import final


@final
class LabError(RuntimeError):
    """The lab cannot do this; `str()` is one line that says what to do about it."""
