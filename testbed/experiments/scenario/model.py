"""A scenario as its author writes it: who talks to whom, what is done when, and what must hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, final

from pydantic import BeforeValidator, Field, Tag, WithJsonSchema

from testbed.experiments.scenario import actions as act
from testbed.experiments.scenario.expectations import Expectation
from testbed.experiments.scenario.flows import Flow
from testbed.experiments.scenario.parts import ROLES, Part, Seconds
from testbed.model.errors import suggest
from testbed.model.fields import NUMBER, Name
from testbed.model.plan import Plan
from testbed.model.topology import Defaults, Mode

ALL: Final = "all"
_MODES: Final = (ALL, *(mode.value for mode in Mode))


def _mode(value: object) -> str:
    if value in _MODES:
        return str(value)
    raise ValueError(f"unknown mode {value!r}: {suggest(str(value), _MODES)}")


ModeOrAll = Annotated[str, BeforeValidator(_mode), WithJsonSchema({"enum": list(_MODES)})]

Expectations = dict[ModeOrAll, tuple[Expectation, ...]]
"""By the mode in which they hold, or for `all`."""


@final
class Phase(Part):
    """Look at the traffic for a while; what must hold is judged by it."""

    phase: Name
    """Its name."""
    settle_s: Seconds | None = None
    """Seconds before it begins; 1.5 after actions and 0 otherwise unless given."""
    observe_s: Annotated[float, Field(ge=0.2, le=600), NUMBER] = 1.0
    """How long paths are looked at, s."""
    expect: Expectations = Field(default_factory=dict)
    """What must hold, by mode or for `all`. Gaps, losses and steps are those since the phase before."""


Step = Annotated[act.Action | Annotated[Phase, Tag("phase")], act.STEP_KEY]


@final
class Scenario(Part):
    """A whole scenario."""

    name: Name
    """Its name."""
    description: str = ""
    """What it shows, in a line or two for people."""
    topology: str = "wan"
    """The topology: the name of one that comes along, or a file beside this one."""
    defaults: Defaults | None = None
    """What the topology's own defaults are replaced by, as far as it is given."""
    modes: tuple[Mode, ...] = ()
    """The modes it is for; all unless given."""
    machine: Name | None = None
    """Who is `$machine`; the first one that moves unless given."""
    to: Name | None = None
    """What is `$to`; another slot of the machine unless given."""
    clients: tuple[Name, ...] = ()
    """Who are `$clients`; one at a branch and one in the machine's VLAN at a third site unless given."""
    flows: Annotated[tuple[Flow, ...], Field(min_length=1)]
    """The traffic."""
    timeline: Annotated[tuple[Step, ...], Field(min_length=1)]
    """What is done, and when it is looked at, one after the other."""
    expect: Expectations = Field(default_factory=dict)
    """What must hold from the beginning to the end."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases in order."""
        return tuple(step for step in self.timeline if isinstance(step, Phase))

    def on(self, plan: Plan) -> Plan:
        """A plan with the defaults that the scenario wants."""
        if self.defaults is None:
            return plan
        given = {name: getattr(self.defaults, name) for name in self.defaults.model_fields_set}
        return replace(plan, defaults=plan.defaults.model_copy(update=given))

    @property
    def roles(self) -> frozenset[str]:
        """The roles that are in it."""
        text = self.model_dump_json(include={"flows", "timeline", "expect"})
        return frozenset(role for role in ROLES if f'"{role}"' in text)


def in_mode(mode: Mode, expect: Expectations) -> tuple[Expectation, ...]:
    """Those that hold in a mode."""
    return (*expect.get(ALL, ()), *expect.get(mode.value, ()))


def scenario_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a scenario file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
