"""Colours of drawings and pages, dark and light, and the style sheet of drawings.

A drawing inside a page takes the page's colours. One that stands alone as a file brings them along: both sets
and a media query, or one set written out for converters that know neither.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, final


@final
class Theme(StrEnum):
    """Which colours a drawing brings along."""

    AUTO = "auto"
    """As the reader's system prefers."""
    LIGHT = "light"
    DARK = "dark"


LIGHT: Final = {
    "page": "#ffffff",
    "panel": "#f6f7f9",
    "ink": "#1c2430",
    "muted": "#5b6675",
    "line": "#a9b3c0",
    "rule": "#dde2e8",
    "pe": "#dbe7ff",
    "pe-edge": "#3a62b8",
    "p": "#eceff3",
    "p-edge": "#7d8896",
    "access": "#ffffff",
    "access-edge": "#7d8896",
    "host": "#ffffff",
    "vm": "#1f7a4d",
    "vm-ink": "#ffffff",
    "to": "#1d5fd1",
    "from": "#c05a00",
    "alarm": "#c8102e",
    "alarm-ink": "#ffffff",
    "good": "#1f7a4d",
}
DARK: Final = {
    "page": "#12161d",
    "panel": "#1a2029",
    "ink": "#e6eaf0",
    "muted": "#9aa6b5",
    "line": "#566273",
    "rule": "#2b3441",
    "pe": "#1d2f57",
    "pe-edge": "#7ea2f0",
    "p": "#232b37",
    "p-edge": "#76839a",
    "access": "#161c25",
    "access-edge": "#76839a",
    "host": "#161c25",
    "vm": "#3fb27f",
    "vm-ink": "#08130d",
    "to": "#6aa5ff",
    "from": "#ffa24d",
    "alarm": "#ff5c74",
    "alarm-ink": "#1d0207",
    "good": "#4cc38a",
}
FONT: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'

RULES: Final = """
.vmto { font: 13px FONT; color: var(--vmto-ink); background: var(--vmto-page); }
.vmto text { fill: var(--vmto-ink); font-family: FONT; font-size: 13px; }
.vmto .site-area { fill: var(--vmto-panel); stroke: var(--vmto-rule); stroke-width: 1; }
.vmto .site-name { fill: var(--vmto-muted); font-size: 12px; font-weight: 600; letter-spacing: 0.4px; }
.vmto .cable { fill: none; stroke: var(--vmto-line); stroke-width: 1.6; }
.vmto .core .cable { stroke-width: 2.2; }
.vmto .lead { stroke: var(--vmto-line); stroke-width: 1.2; }
.vmto .delay { fill: var(--vmto-muted); font-size: 11px; paint-order: stroke; stroke: var(--vmto-page);
  stroke-width: 3; stroke-linejoin: round; }
.vmto .node rect { stroke-width: 1.5; }
.vmto .node text { text-anchor: middle; font-weight: 600; }
.vmto .pe rect { fill: var(--vmto-pe); stroke: var(--vmto-pe-edge); stroke-width: 2; }
.vmto .p rect { fill: var(--vmto-p); stroke: var(--vmto-p-edge); }
.vmto .access rect { fill: var(--vmto-access); stroke: var(--vmto-access-edge); }
.vmto .access text { font-weight: 400; }
.vmto .machine text { text-anchor: middle; font-weight: 600; font-size: 12px; }
.vmto .machine .address { font-weight: 400; font-size: 10.5px; fill: var(--vmto-muted); }
.vmto .host rect { fill: var(--vmto-host); stroke: var(--vmto-line); }
.vmto .vm rect { fill: var(--vmto-vm); stroke: var(--vmto-vm); }
.vmto .vm text, .vmto .vm .address { fill: var(--vmto-vm-ink); }
.vmto .slot rect { fill: none; stroke: var(--vmto-line); stroke-width: 1.2; stroke-dasharray: 4 4; }
.vmto .slot text { fill: var(--vmto-muted); font-weight: 400; }
.vmto .route .way { fill: none; stroke-width: 3; stroke-linejoin: round; stroke-linecap: round; }
.vmto .routes .halo { fill: none; stroke: var(--vmto-alarm); stroke-width: 9; stroke-opacity: 0.27; }
.vmto .route.to .way { stroke: var(--vmto-to); }
.vmto .route.to .arrow { fill: var(--vmto-to); }
.vmto .route.from .way { stroke: var(--vmto-from); stroke-dasharray: 9 5; stroke-linecap: butt; }
.vmto .route.from .arrow { fill: var(--vmto-from); }
.vmto .trombone rect { fill: none; stroke: var(--vmto-alarm); stroke-width: 3; }
.vmto .trombone .flag { fill: var(--vmto-alarm); stroke: none; }
.vmto .trombone text { fill: var(--vmto-alarm-ink); font-size: 11px; font-weight: 700; text-anchor: middle; }
.vmto .key text { font-size: 12px; }
.vmto .key .alarm { fill: var(--vmto-alarm); font-weight: 700; }
.vmto .key .good { fill: var(--vmto-good); font-weight: 700; }
""".strip().replace("FONT", FONT)
"""Of drawings; colours are custom properties."""

CHART_RULES: Final = """
.vmto .group { font-weight: 600; }
.vmto .small { font-size: 11.5px; fill: var(--vmto-muted); }
.vmto .value { font-size: 12.5px; font-weight: 600; }
.vmto .axis { stroke: var(--vmto-line); stroke-width: 1.2; }
.vmto .grid { stroke: var(--vmto-rule); stroke-width: 1; }
.vmto .mark { stroke: var(--vmto-muted); stroke-width: 1.2; stroke-dasharray: 4 3; }
.vmto .whisker { stroke: var(--vmto-ink); stroke-width: 1.5; fill: none; }
.vmto .bar.to, .vmto .bar.after { fill: var(--vmto-to); }
.vmto .bar.from { fill: var(--vmto-from); }
.vmto .bar.before { fill: var(--vmto-line); }
.vmto .dots { fill: none; stroke-width: 5; stroke-linecap: round; }
.vmto .dots.step { stroke: var(--vmto-pe-edge); stroke-width: 9; }
.vmto .dots.to, .vmto .curve.to { stroke: var(--vmto-to); }
.vmto .dots.from, .vmto .curve.from { stroke: var(--vmto-from); }
.vmto .dots.from { stroke-width: 4.2; stroke-linecap: square; }
.vmto .curve { fill: none; stroke-width: 1.6; }
.vmto .band rect { fill: var(--vmto-muted); fill-opacity: 0.13; }
.vmto .band.gap rect { fill: var(--vmto-alarm); fill-opacity: 0.13; }
""".strip()
"""Of charts, besides those of drawings."""


def properties(colours: dict[str, str]) -> str:
    """Custom properties, for a rule."""
    return " ".join(f"--vmto-{name}: {value};" for name, value in colours.items())


def written_out(rules: str, colours: dict[str, str]) -> str:
    """Rules with the colours in place of the custom properties."""
    return re.sub(r"var\(--vmto-([a-z-]+)\)", lambda found: colours[found[1]], rules)


def sheet(theme: Theme, rules: str = RULES) -> str:
    """The style sheet of a drawing that stands alone."""
    if theme is not Theme.AUTO:
        return written_out(rules, DARK if theme is Theme.DARK else LIGHT)
    return (
        f".vmto {{ {properties(LIGHT)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ .vmto {{ {properties(DARK)} }} }}\n{rules}"
    )
