"""What the page asks to be drawn, checked and drawn. Pure."""

from __future__ import annotations

from typing import Annotated, final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from testbed.lab.errors import LabError
from testbed.model.plan import Plan
from testbed.report.drawing import Route, Scene, draw
from testbed.report.svg import Svg

MANY = 64
"""More switches than any way passes, more ways than anyone can tell apart."""

Name = Annotated[str, Field(max_length=64)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@final
class Way(_Model):
    """The way that a packet took."""

    source: Name
    target: Name
    nodes: list[Name] = Field(min_length=1, max_length=MANY)
    trombone: bool
    back: bool


@final
class Picture(_Model):
    """Where machines are, and ways of packets."""

    at: dict[Name, Name] = Field(max_length=MANY)
    ways: list[Way] = Field(max_length=MANY)


def picture(plan: Plan, asked: bytes) -> Svg:
    """The drawing for a `Picture` as JSON. LabError if it is none, or names what the lab does not have."""
    try:
        wanted = Picture.model_validate_json(asked)
        routes = tuple(
            Route(f"way-{number}", way.source, way.target, tuple(way.nodes), way.back, way.trombone)
            for number, way in enumerate(wanted.ways)
        )
        return draw(plan, Scene(routes, wanted.at, title=f"The lab {plan.name} as it runs", key=False))
    except ValidationError as error:
        first = error.errors()[0]
        raise LabError(f"not a picture: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except KeyError as error:
        raise LabError(f"not in this lab: {error.args[0]}") from None
