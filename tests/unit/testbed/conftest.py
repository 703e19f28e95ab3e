"""Property tests are about values, not about how long a busy machine takes for one of them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("testbed", deadline=None)
settings.load_profile("testbed")
