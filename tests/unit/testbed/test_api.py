"""A lab for experiments in plain Python: mistakes are told in words."""

from __future__ import annotations

import pytest

from testbed.api import Lab
from testbed.lab.errors import LabError


@pytest.mark.parametrize("what", ["mode", "reflector", "target"])
def test_what_there_is_not(what: str) -> None:
    with pytest.raises(LabError, match=f"no {what} 'nonsense': use one of"):
        Lab.start(**{what: "nonsense"})  # type: ignore[arg-type]
