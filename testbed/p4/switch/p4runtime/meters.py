"""Counts and meter configurations (spec sections 9.3 and 9.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from testbed.p4.switch.p4runtime.errors import invalid
from testbed.p4.switch.target import MeterConfig

if TYPE_CHECKING:
    from testbed.p4.switch.p4runtime.stubs import p4r

SINGLE_RATE_THREE_COLOR: Final = 1
SINGLE_RATE_TWO_COLOR: Final = 2
"""`p4.config.v1.MeterSpec.Type`."""


def parse_counts(data: p4r.CounterData) -> tuple[int, int]:
    """Packets and bytes that a counter is set to.

    Raises:
        RpcError: one of them is negative.
    """
    if min(data.packet_count, data.byte_count) < 0:
        invalid("a count cannot be negative")
    return data.packet_count, data.byte_count


def parse_meter_config(config: p4r.MeterConfig, unit_type: int = 0) -> MeterConfig:
    """Check a configuration for a meter of `unit_type` (`MeterSpec.Type`).

    Raises:
        RpcError: a rate or burst is negative, the peak below the committed rate, or not fit for this type.
    """
    if min(config.cir, config.cburst, config.pir, config.pburst, config.eburst) < 0:
        invalid("rates and bursts of a meter cannot be negative")
    if unit_type in (SINGLE_RATE_TWO_COLOR, SINGLE_RATE_THREE_COLOR):
        if (config.pir, config.pburst) != (config.cir, config.cburst):
            invalid("a single-rate meter has pir = cir and pburst = cburst")
    elif config.pir < config.cir:
        invalid("the peak rate of a meter cannot be below its committed rate")
    if config.eburst and unit_type != SINGLE_RATE_THREE_COLOR:
        invalid("only a single-rate three-colour meter has an eburst")
    return MeterConfig(config.cir, config.cburst, config.pir, config.pburst)
