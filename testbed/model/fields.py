"""The value types of a topology file, each with a message that says what to write."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from controllers.wire.types import RouteTarget

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_TARGET = re.compile(r"[0-9.]{1,15}:[0-9]{1,10}")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_MARTIANS: dict[int, list[Any]] = {
    4: [ipaddress.IPv4Network(net) for net in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")],
    6: [ipaddress.IPv6Network(net) for net in ("::/127", "ff00::/8", "fe80::/10")],
}
"""What p4src/controls/martians.p4 drops, by IP version."""


def _text(value: object, example: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, ipaddress._BaseAddress | ipaddress._BaseNetwork):
        return str(value)
    raise ValueError(f"{value!r} is not text: write for example {example}")


def _number(value: object) -> object:
    """YAML's yes and no are 1 and 0 to Python; nobody who writes them means a number."""
    if isinstance(value, bool):
        raise ValueError(f"{'yes' if value else 'no'} is not a number: write one in digits")
    return value


def _name(value: object) -> str:
    text = _text(value, "pe1")
    if not _NAME.fullmatch(text) or len(text) > 32:
        raise ValueError(f"{text!r} is not a name: use at most 32 of a-z, 0-9 and -, a letter first")
    return text


def _mac(value: object) -> str:
    text = _text(value, "02:00:00:00:00:01").lower()
    if not _MAC.fullmatch(text):
        raise ValueError(f"{text!r} is not a MAC address: write for example 02:00:00:00:00:01")
    if int(text[:2], 16) & 1 or text == "00:00:00:00:00:00":
        raise ValueError(
            f"{text!r} is a group or null address: write a unicast MAC, for example 02:00:00:00:00:01"
        )
    return text


def _mac_range(value: object) -> str:
    """A MAC, or MACs that begin alike as `MAC/bits`. Group addresses are no machine's."""
    text = _text(value, "02:00:0a:00:00:00/24").lower()
    mac, slash, bits = text.partition("/")
    length = int(bits) if bits.isdecimal() and len(bits) < 3 else 48 if not slash else -1
    if not _MAC.fullmatch(mac) or not 0 <= length <= 48:
        raise ValueError(f"{text!r} is not a MAC or range of MACs: write for example 02:00:0a:00:00:00/24")
    first = int(mac.replace(":", ""), 16) >> 48 - length << 48 - length
    rounded = first.to_bytes(6, "big").hex(":")
    if rounded != mac:
        raise ValueError(f"{text!r} has bits set beyond the first {length}: write {rounded}/{length}")
    return text


def _target(value: object) -> str:
    text = _text(value, "65000:10")
    try:
        if not _TARGET.fullmatch(text):
            raise ValueError
        RouteTarget.parse(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a route target: write for example 65000:10 or 10.255.0.1:10"
        ) from None
    return text


def _community(value: object) -> str:
    text = _text(value, "65000:100")
    halves = text.split(":")
    if len(halves) != 2 or not all(h.isdecimal() and len(h) < 6 and int(h) <= 0xFFFF for h in halves):
        raise ValueError(f"{text!r} is not a community: write two numbers up to 65535, for example 65000:100")
    return text


def _address(version: int, example: str) -> Callable[[object], Any]:
    parse = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address

    def check(value: object) -> Any:
        text = _text(value, example)
        try:
            return parse(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is not an IPv{version} address: write for example {example}"
            ) from None

    return check


def _network(version: int, example: str) -> Callable[[object], Any]:
    parse = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network

    def check(value: object) -> Any:
        text = _text(value, example)
        try:
            network = parse(text, strict=False)
        except ValueError:
            raise ValueError(f"{text!r} is not an IPv{version} subnet: write for example {example}") from None
        if "/" not in text:
            raise ValueError(f"{text!r} has no prefix length: write for example {example}")
        if parse(text.partition("/")[0]) != parse(network.network_address):
            raise ValueError(f"{text!r} has host bits set: write {network}")
        return network

    return check


def _routed(version: int, example: str) -> Callable[[object], Any]:
    parse = _network(version, example)

    def check(value: object) -> Any:
        network = parse(value)
        martian = next((each for each in _MARTIANS[version] if network.overlaps(each)), None)
        if martian is not None:
            raise ValueError(f"{value!r} holds addresses of {martian}, which no PE routes: write {example}")
        return network

    return check


def _prefix(value: object) -> Any:
    text = _text(value, "10.0.10.0/24")
    return _network(6, "fd00:10::/64")(text) if ":" in text else _network(4, "10.0.10.0/24")(text)


def _schema(kind: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "format": kind, "examples": [example]})


Name = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$", "maxLength": 32}),
]
Mac = Annotated[
    str, BeforeValidator(_mac), WithJsonSchema({"type": "string", "pattern": f"^{_MAC.pattern}$"})
]
IPv4 = Annotated[
    ipaddress.IPv4Address, BeforeValidator(_address(4, "10.0.10.11")), _schema("ipv4", "10.0.10.11")
]
IPv6 = Annotated[
    ipaddress.IPv6Address, BeforeValidator(_address(6, "fd00:10::11")), _schema("ipv6", "fd00:10::11")
]
Subnet4 = Annotated[
    ipaddress.IPv4Network,
    BeforeValidator(_routed(4, "10.0.10.0/24")),
    _schema("ipv4-network", "10.0.10.0/24"),
]
Subnet6 = Annotated[
    ipaddress.IPv6Network,
    BeforeValidator(_routed(6, "fd00:10::/64")),
    _schema("ipv6-network", "fd00:10::/64"),
]
MacRange = Annotated[
    str,
    BeforeValidator(_mac_range),
    WithJsonSchema({"type": "string", "pattern": f"^{_MAC.pattern}(?:/[0-9]+)?$"}),
]
Prefix = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    BeforeValidator(_prefix),
    WithJsonSchema({"type": "string", "examples": ["10.0.10.0/24", "fd00:10::/64"]}),
]
TargetText = Annotated[str, BeforeValidator(_target), WithJsonSchema({"type": "string"})]
CommunityText = Annotated[str, BeforeValidator(_community), WithJsonSchema({"type": "string"})]
NUMBER = BeforeValidator(_number)
Milliseconds = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False), NUMBER]
