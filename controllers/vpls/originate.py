"""The routes of a VPLS PE, and how those of others are read."""

from __future__ import annotations

from typing import Final

from controllers.bgp.routes import Route
from controllers.intents import IpNetwork
from controllers.vpls.config import L3vpnConfig, VplsConfig
from controllers.wire.attributes import DEFAULT_LOCAL_PREF, PathAttributes
from controllers.wire.extended import Layer2Info
from controllers.wire.types import IpAddress
from controllers.wire.vpn import VplsBlock, VpnPrefix

ENCAPSULATION_VPLS: Final = 19
"""RFC 4761 §3.2.4."""

CONTROL_WORD: Final = 0x02
"""Control flag C: frames to this PE must carry a control word (RFC 4761 §3.2.4)."""

SITE_DOWN: Final = 0x80
"""Control flag D: no circuit of the site is up here (draft-ietf-bess-vpls-multihoming)."""


def site_route(config: VplsConfig, loopback: IpAddress, *, down: bool) -> Route:
    """Offer labels to the PEs of all other sites (RFC 4761 §3.2.2)."""
    info = Layer2Info(
        ENCAPSULATION_VPLS,
        control_flags=(SITE_DOWN if down else 0) | (CONTROL_WORD if config.control_word else 0),
        mtu=config.mtu,
        preference=config.preference,
    )
    attributes = PathAttributes(
        next_hop=loopback,
        local_pref=config.preference,
        extended_communities=(*config.export_rts, info),
    )
    block = VplsBlock(config.rd, config.ve_id, config.block_offset, config.block_size, config.label_base)
    return Route(block, attributes)


def prefix_route(
    config: L3vpnConfig, loopback: IpAddress, prefix: IpNetwork, local_pref: int | None
) -> Route:
    """Announce a prefix of an IP-VRF (RFC 4364 §4.3)."""
    attributes = PathAttributes(
        next_hop=loopback,
        local_pref=DEFAULT_LOCAL_PREF if local_pref is None else local_pref,
        extended_communities=config.export_rts,
    )
    return Route(VpnPrefix(config.rd, prefix, config.label), attributes)
