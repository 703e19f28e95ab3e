"""BGP-4 on the wire: bytes to typed messages and back. Pure: no sockets, no clocks, no logging.

Layers, each knowing only those above it in this list:

- `errors`: the one exception a decoder raises. `serial`: sequence numbers that wrap.
- `types`: route distinguishers, segments, labels, MAC addresses, address families.
- `extended`: extended communities (RFC 4360 and the EVPN ones).
- `evpn`, `vpn`: NLRI classes; `nlri`: the same by address family, split and keyed without decoding.
- `attributes`: path attributes; `validation`: which of them are malformed, and what that costs.
- `update`: UPDATE with the error handling of RFC 7606.
- `messages`: OPEN with capabilities, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH and the framing.
"""
