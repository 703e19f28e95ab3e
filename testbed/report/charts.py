"""Charts of an experiment as SVG: bars by mode, the steps of a move, samples over time. Pure.

Each has a title and a description for those who do not see it; the page sets the same figures as a table
beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

from testbed.report.svg import Svg, joined, number, tag, words
from testbed.report.theme import CHART_RULES, RULES, Theme, sheet

WIDTH: Final = 760.0
SMALL: Final = 7.0
NORMAL: Final = 8.3
BOLD: Final = 9.2
"""Px that a letter takes at most on average, by its style; fonts differ."""


@final
@dataclass(frozen=True, slots=True)
class Frame:
    """What every chart has."""

    title: str
    description: str
    prefix: str
    """Before its ids; a page has several charts."""
    theme: Theme | None = None
    """The colours that it brings along; None inside a page."""


@final
@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, and the ends of its confidence interval if there is one."""

    name: str
    value: float | None
    kind: str
    """A class of the style sheet: to, from, before, after."""
    interval: tuple[float, float] | None = None


@final
@dataclass(frozen=True, slots=True)
class Group:
    """Bars that belong together."""

    name: str
    bars: tuple[Bar, ...]


@final
@dataclass(frozen=True, slots=True)
class Points:
    """A series of (x, y), in the order of x."""

    name: str
    kind: str
    """A class of the style sheet: to, from, echo."""
    values: tuple[tuple[float, float], ...]
    joined: float | None = None
    """Neighbours not further apart than this are joined by a line."""


@final
@dataclass(frozen=True, slots=True)
class Band:
    """A span of x, with words at its top."""

    name: str
    start: float
    end: float
    kind: str


@final
@dataclass(frozen=True, slots=True)
class Lane:
    """The moments of one step: (x, where)."""

    name: str
    moments: tuple[tuple[float, str], ...]


def bars(frame: Frame, groups: Sequence[Group], unit: str, mark: tuple[float, str] | None = None) -> Svg:
    """Horizontal bars; `mark` is a value worth a line of its own, and its name."""
    left = 22 + BOLD * max((len(group.name) for group in groups), default=0)
    left += SMALL * max((len(bar.name) for group in groups for bar in group.bars), default=0)
    right = WIDTH - 96
    values = [
        each for group in groups for bar in group.bars for each in (bar.value or 0, *(bar.interval or ()))
    ]
    top = max([*values, mark[0] if mark else 0, 1e-9])
    scale = (right - left) / _ceiling(top)
    parts: list[Svg] = []
    y = 14.0 if not mark else 26.0
    for group in groups:
        parts.append(tag("text", words(group.name), x=0, y=y + 12 * len(group.bars) + 1, class_="group"))
        for bar in group.bars:
            parts += _bar(bar, Place(left, y, scale), unit)
            y += 24
        y += 12
    height = y - 2
    if mark:
        x = left + mark[0] * scale
        parts.append(tag("line", x1=x, y1=20, x2=x, y2=height - 8, class_="mark"))
        parts.append(tag("text", words(mark[1]), x=x, y=13, text_anchor="middle", class_="small"))
    parts.append(tag("line", x1=left, y1=8, x2=left, y2=height - 8, class_="axis"))
    return _chart(frame, parts, height)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where a bar begins, and px for a unit of its value."""

    x: float
    y: float
    scale: float


def _bar(bar: Bar, place: Place, unit: str) -> list[Svg]:
    found = [tag("text", words(bar.name), x=place.x - 10, y=place.y + 14, text_anchor="end", class_="small")]
    if bar.value is None:
        return [*found, tag("text", words("none"), x=place.x + 8, y=place.y + 14, class_="small")]
    length = max(1.0, bar.value * place.scale)
    found.append(tag("rect", x=place.x, y=place.y, width=length, height=18, rx=2, class_=f"bar {bar.kind}"))
    end = length
    if bar.interval:
        low, high = (place.x + each * place.scale for each in bar.interval)
        middle = place.y + 9
        found.append(
            tag(
                "path",
                d=f"M{number(low)} {number(middle)}H{number(high)}"
                + "".join(f"M{number(x)} {number(middle - 5)}v10" for x in (low, high)),
                class_="whisker",
            )
        )
        end = max(end, high - place.x)
    text = f"{bar.value:.1f} {unit}"
    return [*found, tag("text", words(text), x=place.x + end + 8, y=place.y + 14, class_="value")]


def lanes(frame: Frame, steps: Sequence[Lane], time: str, band: Band | None = None) -> Svg:
    """The moments of each step over time, a row for each step, and where it happened behind the last one."""
    left = 22 + NORMAL * max((len(step.name) for step in steps), default=0)
    where = [" ".join(dict.fromkeys(node for _, node in step.moments)) for step in steps]
    right = WIDTH - 20 - SMALL * min(36, max((len(text) for text in where), default=0))
    times = [t for step in steps for t, _ in step.moments]
    low, high = min([0.0, *times]), max([1.0, *times])
    axis = _Axis(low, high + (high - low) * 0.02, left, right)
    bottom = 24 + 26.0 * len(steps)
    parts = _grid(axis, 20, bottom, time)
    if band:
        parts.insert(0, _band(band, axis, 20, bottom, -7))
    for row, (step, text) in enumerate(zip(steps, where, strict=True)):
        y = 38 + 26.0 * row
        parts.append(tag("text", words(step.name), x=left - 14, y=y + 4.5, text_anchor="end"))
        if step.moments:
            dots = "".join(f"M{number(axis.at(t))} {number(y)}h0" for t, _ in step.moments)
            parts.append(tag("path", d=dots, class_="dots step"))
            last = axis.at(max(t for t, _ in step.moments))
            parts.append(tag("text", words(text), x=last + 11, y=y + 4, class_="small"))
    return _chart(frame, parts, bottom + 40)


def samples(
    frame: Frame,
    series: Sequence[Points],
    bands: Sequence[Band],
    span: tuple[float, float],
    time: str,
    unit: str = "ms",
) -> Svg:
    """Values over time in ms, `time` says since when. `bands` are spans that mean something."""
    values = [y for each in series for x, y in each.values if span[0] <= x <= span[1]]
    # A few stragglers may be far off: they are cut, lest all others lie on the floor.
    top = _ceiling(max(0.01, _most(values, 0.98) * 1.3))
    axis = _Axis(span[0], max(span[1], span[0] + 1), 52, WIDTH - 12)
    upright = _Axis(0, top, 236, 34)
    parts: list[Svg] = [_band(band, axis, 34, 236) for band in bands]
    parts += _grid(axis, 34, 236, time)
    for tick in _ticks(0, top, 5):
        y = upright.at(tick)
        parts.append(tag("line", x1=52, y1=y, x2=WIDTH - 12, y2=y, class_="grid"))
        parts.append(tag("text", words(f"{tick:g}"), x=44, y=y + 4, text_anchor="end", class_="small"))
    parts.append(tag("text", words(unit), x=44, y=20, text_anchor="end", class_="small"))
    x = 60.0
    for each in series:
        parts.append(_plotted(each, axis, upright))
        parts.append(tag("path", d=f"M{number(x)} 16h0", class_=f"dots {each.kind}"))
        parts.append(tag("text", words(each.name), x=x + 9, y=20, class_="small"))
        x += 34 + SMALL * len(each.name)
    return _chart(frame, parts, 276)


def _plotted(points: Points, axis: _Axis, upright: _Axis) -> Svg:
    shown = [
        (axis.at(x), upright.at(min(y, upright.high))) for x, y in points.values if axis.low <= x <= axis.high
    ]
    dots = "".join(f"M{number(x)} {number(y)}h0" for x, y in shown)
    line = ""
    if points.joined is not None:
        reach = points.joined * axis.scale
        near = [(a, b) for a, b in pairwise(shown) if b[0] - a[0] <= reach]
        line = "".join(f"M{number(a[0])} {number(a[1])}L{number(b[0])} {number(b[1])}" for a, b in near)
    return tag(
        "g",
        *([tag("path", d=line, class_=f"curve {points.kind}")] if line else []),
        *([tag("path", d=dots, class_=f"dots {points.kind}")] if dots else []),
        class_="series",
    )


@final
@dataclass(frozen=True, slots=True)
class _Axis:
    """Values to px."""

    low: float
    high: float
    start: float
    end: float

    @property
    def scale(self) -> float:
        return (self.end - self.start) / (self.high - self.low)

    def at(self, value: float) -> float:
        return self.start + (value - self.low) * self.scale


def _grid(axis: _Axis, top: float, bottom: float, name: str) -> list[Svg]:
    parts = []
    for tick in _ticks(axis.low, axis.high, 8):
        x = axis.at(tick)
        parts.append(tag("line", x1=x, y1=top, x2=x, y2=bottom, class_="grid"))
        parts.append(
            tag("text", words(f"{tick:g}"), x=x, y=bottom + 16, text_anchor="middle", class_="small")
        )
    middle = (axis.start + axis.end) / 2
    parts.append(tag("text", words(name), x=middle, y=bottom + 33, text_anchor="middle", class_="small"))
    parts.append(tag("line", x1=axis.start, y1=bottom, x2=axis.end, y2=bottom, class_="axis"))
    return parts


def _band(band: Band, axis: _Axis, top: float, bottom: float, name_at: float = 13) -> Svg:
    left, right = (axis.at(min(max(each, axis.low), axis.high)) for each in (band.start, band.end))
    return tag(
        "g",
        tag("rect", x=left, y=top, width=right - left, height=bottom - top),
        tag("text", words(band.name), x=left + 5, y=top + name_at, class_="small"),
        class_=f"band {band.kind}",
    )


def _chart(frame: Frame, parts: Iterable[Svg], height: float) -> Svg:
    return tag(
        "svg",
        joined(
            [
                tag("title", words(frame.title), id=f"{frame.prefix}title"),
                tag("desc", words(frame.description), id=f"{frame.prefix}desc"),
                *([tag("style", words(sheet(frame.theme, RULES + CHART_RULES)))] if frame.theme else []),
                *parts,
            ]
        ),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        width=WIDTH,
        height=height,
        class_="vmto chart",
        role="img",
        aria_labelledby=f"{frame.prefix}title {frame.prefix}desc",
    )


def _ceiling(value: float) -> float:
    """The next value from which round ticks can be made."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.9999
    )


def _ticks(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.9999)
    return [round(n * step, 6) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _most(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
