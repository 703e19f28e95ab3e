"""For all tests: properties are judged by what they find, not by how long a busy machine takes.

On a developer's machine every run tries new examples; in CI the same ones each time, so that a change is
blamed only for what it did. `--hypothesis-seed` replays a run.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("default")
