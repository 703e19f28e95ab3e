"""BGP with sockets: `Speaker` runs the pure code of `controllers.bgp` on asyncio.

A reflector is a speaker whose peers are clients; `reflector` builds one.
"""

from controllers.bgp.config import PeerConfig, SpeakerConfig
from controllers.bgp.routes import EndOfRibEvent, PeerEvent, Route, RouteEvent
from controllers.runtime.bgp.speaker import Speaker, reflector
from controllers.runtime.bgp.status import PeerStatus

__all__ = [
    "EndOfRibEvent",
    "PeerConfig",
    "PeerEvent",
    "PeerStatus",
    "Route",
    "RouteEvent",
    "Speaker",
    "SpeakerConfig",
    "reflector",
]
