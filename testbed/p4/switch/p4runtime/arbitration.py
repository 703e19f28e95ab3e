"""Who may write: arbitration between controllers per role (spec section 5).

As in bmv2 the primary of a role is the connected client with the highest election id: when it leaves, the
next one takes over. A client without an election id is never primary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from testbed.p4.switch.p4runtime.errors import Code, RpcError, invalid
from testbed.p4.switch.p4runtime.stubs import p4r, stratum


@dataclass(frozen=True, slots=True)
class RoleConfig:
    """What a role may do; `ids` None: everything. Parsed from `stratum.P4RoleConfig`."""

    ids: frozenset[int] | None = None
    packet_ins: bool = True
    pipeline: bool = True

    def allows(self, p4_id: int) -> bool:
        """Whether an object belongs to the role; id 0 stands for objects without an id (multicast groups)."""
        return self.ids is None or p4_id in self.ids


FULL_ACCESS = RoleConfig()


@final
class Client:
    """A controller's stream, once it sent its first MasterArbitrationUpdate."""

    __slots__ = ("election_id", "role")

    def __init__(self) -> None:
        self.role: str | None = None
        self.election_id: int | None = None


@dataclass(slots=True)
class _Role:
    """One role's clients and what the primary said of it."""

    message: p4r.Role | None
    clients: list[Client] = field(default_factory=list)
    highest: int | None = None
    config: RoleConfig = FULL_ACCESS
    config_message: p4r.Role | None = None
    primary: Client | None = None

    def elect(self) -> None:
        """Make the client with the highest election id primary: whenever a client came, changed or left."""
        candidates = [client for client in self.clients if client.election_id is not None]
        self.primary = max(candidates, key=lambda c: c.election_id or 0, default=None)


Notice = tuple[Client, "p4r.StreamMessageResponse"]


@final
class Arbitration:
    """The clients of one device. Methods return the notices to send, in order."""

    def __init__(self, device_id: int, max_clients: int) -> None:
        self._device_id = device_id
        self._max_clients = max_clients
        self._roles: dict[str, _Role] = {}

    def update(self, client: Client, update: p4r.MasterArbitrationUpdate) -> list[Notice]:
        """A MasterArbitrationUpdate from a client.

        Raises:
            RpcError: its stream has to end with this error.
        """
        name = role_name(update.role.name, update.role.id) if update.HasField("role") else ""
        election_id = uint128(update.election_id) if update.HasField("election_id") else None
        self._check(client, update, name)
        config = _parse_config(update.role)
        role = self._roles.get(name) or _Role(update.role if update.HasField("role") else None)
        if election_id is not None and any(
            other.election_id == election_id for other in role.clients if other is not client
        ):
            invalid("Election id already used by another controller: it already exists")
        self._roles[name] = role
        before = role.primary
        if client.role is None:
            client.role = name
            role.clients.append(client)
        client.election_id = election_id
        role.elect()
        after = role.primary
        if after is client:
            role.highest = max(election_id or 0, role.highest or 0)
            role.config, role.config_message = config, update.role
        if after is client or before is not after:
            return self._notices(role, before, after)
        return [(client, self._notice(role, client, after))]

    def disconnect(self, client: Client) -> list[Notice]:
        """A client's stream ended."""
        if client.role is None:
            return []
        role = self._roles[client.role]
        before = role.primary
        role.clients.remove(client)
        role.elect()
        return self._notices(role, before, role.primary) if before is client else []

    def _check(self, client: Client, update: p4r.MasterArbitrationUpdate, name: str) -> None:
        """The rules for a first and for a further update."""
        if client.role is None:
            if update.device_id != self._device_id:
                raise RpcError(Code.NOT_FOUND, f"there is no device {update.device_id} here")
            if sum(len(role.clients) for role in self._roles.values()) >= self._max_clients:
                raise RpcError(Code.RESOURCE_EXHAUSTED, f"{self._max_clients} controllers are connected")
            return
        if update.device_id != self._device_id:
            raise RpcError(Code.FAILED_PRECONDITION, "a stream cannot change its device")
        if name != client.role:
            raise RpcError(Code.FAILED_PRECONDITION, "a stream cannot change its role")

    # -- queries ---------------------------------------------------------------------------------------------

    def primary(self, role: str) -> Client | None:
        """The primary client of a role."""
        known = self._roles.get(role)
        return None if known is None else known.primary

    def primaries(self) -> list[tuple[Client, RoleConfig]]:
        """The primary of each role that has one."""
        return [(role.primary, role.config) for role in self._roles.values() if role.primary is not None]

    def config(self, role: str) -> RoleConfig:
        """What a role may do."""
        known = self._roles.get(role)
        return FULL_ACCESS if known is None else known.config

    def check_writer(self, role: str, election_id: int | None) -> RoleConfig:
        """What the role may do. PERMISSION_DENIED unless the request is from its primary.

        As in bmv2, while no controller of the default role is connected a request without an election id may
        write, which is convenient for scripts.
        """
        known = self._roles.get(role)
        if known is None or not known.clients:
            if role and known is None:
                raise RpcError(Code.NOT_FOUND, f"there is no role '{role}'")
            if election_id is None and not role:
                return self.config(role)
        primary = None if known is None else known.primary
        if known is None or primary is None or election_id is None or primary.election_id != election_id:
            raise RpcError(Code.PERMISSION_DENIED, "Not primary")
        return known.config

    # -- notices ---------------------------------------------------------------------------------------------

    def _notices(self, role: _Role, before: Client | None, after: Client | None) -> list[Notice]:
        """To all clients of the role, a new primary last."""
        order = sorted(role.clients, key=lambda c: c is after and before is not after)
        return [(client, self._notice(role, client, after)) for client in order]

    def _notice(self, role: _Role, client: Client, primary: Client | None) -> p4r.StreamMessageResponse:
        response = p4r.StreamMessageResponse()
        update = response.arbitration
        update.device_id = self._device_id
        if role.message is not None:
            update.role.CopyFrom(role.message)
            update.role.ClearField("config")
            if role.config_message is not None and role.config_message.HasField("config"):
                update.role.config.CopyFrom(role.config_message.config)
        election_id = role.highest if primary is None else primary.election_id
        if election_id is not None:
            update.election_id.high = election_id >> 64
            update.election_id.low = election_id & ((1 << 64) - 1)
        if client is primary:
            update.status.code, update.status.message = Code.OK, "Is primary"
        elif primary is not None:
            update.status.code, update.status.message = Code.ALREADY_EXISTS, "Is backup"
        else:
            update.status.code, update.status.message = Code.NOT_FOUND, "Is backup, and there is no primary"
        return response


def role_name(name: str, role_id: int) -> str:
    """One key for roles by name and, as before P4Runtime 1.4, by number."""
    return name or (f"#{role_id}" if role_id else "")


def uint128(value: p4r.Uint128) -> int:
    """An election id as a number."""
    return value.high << 64 | value.low


def _parse_config(role: p4r.Role) -> RoleConfig:
    if not role.HasField("config"):
        return FULL_ACCESS
    message = stratum.P4RoleConfig()
    try:
        known = role.config.Unpack(message)
    except Exception:
        known = False
    if not known:
        invalid(f"role config is {role.config.type_url or 'nothing'}; this switch knows stratum.P4RoleConfig")
    ids = frozenset((*message.exclusive_p4_ids, *message.shared_p4_ids))
    return RoleConfig(ids, message.receives_packet_ins, message.can_push_pipeline)
