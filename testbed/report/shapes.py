"""Lines in the plane: displaced to a lane, with round corners, with arrows on them. Pure.

Units are pixels; y grows downwards, as in SVG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, final

from testbed.report.svg import number


@final
class Point(NamedTuple):
    """A place in a drawing."""

    x: float
    y: float


Line = tuple[Point, ...]
"""Two points or more, each different from the one before."""

SHARPEST = 0.05
"""Cosine terms below this are a turn on the spot, where displaced lines do not meet."""


def displaced(line: Line, distance: float) -> Line:
    """The line moved sideways, to the right of who travels along it."""
    normals = [_normal(a, b) for a, b in pairwise(line)]
    result = [_moved(line[0], normals[0], distance)]
    for point, (before, after) in zip(line[1:-1], pairwise(normals), strict=True):
        # Where the displaced neighbours meet: half way between both normals, stretched.
        meeting = 1 + before.x * after.x + before.y * after.y
        if meeting < SHARPEST:
            result += [_moved(point, before, distance), _moved(point, after, distance)]
        else:
            middle = Point((before.x + after.x) / meeting, (before.y + after.y) / meeting)
            result.append(_moved(point, middle, distance))
    return (*result, _moved(line[-1], normals[-1], distance))


def joined_up(lines: Sequence[Line]) -> Line:
    """Lines one after the other as one; points that follow themselves are left out."""
    points: list[Point] = []
    for point in (point for line in lines for point in line):
        if not points or math.dist(points[-1], point) > 0.01:
            points.append(point)
    return tuple(points)


def rounded(line: Line, radius: float) -> str:
    """Path data of a line whose corners are round."""
    parts = [f"M{_pair(line[0])}"]
    for before, corner, after in zip(line, line[1:], line[2:], strict=False):
        reach = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        parts.append(f"L{_pair(_towards(corner, before, reach))}")
        parts.append(f"Q{_pair(corner)} {_pair(_towards(corner, after, reach))}")
    parts.append(f"L{_pair(line[-1])}")
    return "".join(parts)


def length(line: Line) -> float:
    """Its length in px."""
    return sum(math.dist(a, b) for a, b in pairwise(line))


def at(line: Line, fraction: float) -> tuple[Point, float]:
    """The point a fraction of the way along, and the direction of travel there in degrees."""
    left = length(line) * fraction
    for a, b in pairwise(line):
        step = math.dist(a, b)
        if left <= step:
            return _towards(a, b, left), math.degrees(math.atan2(b.y - a.y, b.x - a.x))
        left -= step
    a, b = line[-2:]
    return b, math.degrees(math.atan2(b.y - a.y, b.x - a.x))


def _normal(a: Point, b: Point) -> Point:
    """The unit vector to the right of who goes from one point to the other."""
    step = math.dist(a, b)
    return Point(-(b.y - a.y) / step, (b.x - a.x) / step)


def _moved(point: Point, vector: Point, distance: float) -> Point:
    return Point(point.x + vector.x * distance, point.y + vector.y * distance)


def _towards(start: Point, end: Point, distance: float) -> Point:
    whole = math.dist(start, end)
    share = distance / whole if whole else 0.0
    return Point(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share)


def _pair(point: Point) -> str:
    return f"{number(point.x)} {number(point.y)}"
