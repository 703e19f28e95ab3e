"""Match fields and action parameters: protobuf <-> the packed form of `target`.

Parsing also makes the message canonical, so that what is stored is what has to be read back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from testbed.p4.switch.p4runtime.bytestrings import Translation
from testbed.p4.switch.p4runtime.errors import invalid

if TYPE_CHECKING:
    from testbed.p4.switch.p4runtime.stubs import p4i, p4r


MatchValue: TypeAlias = tuple[bytes, bytes, int]
"""A key field in whole bytes: value and mask, or both ends of a range; the prefix length of an lpm field."""


class MatchCodec:
    """One field of a table's key or of a value set."""

    __slots__ = ("id", "name", "ones", "pack", "position", "size", "translation", "width", "zeros")

    def __init__(self, field: p4i.MatchField, position: int, translation: Translation) -> None:
        self.id = field.id
        self.name = field.name
        self.position = position
        self.translation = translation
        self.pack = translation.to_device
        self.width = translation.width
        self.size = (self.width + 7) // 8
        self.zeros = bytes(self.size)
        self.ones = ((1 << self.width) - 1).to_bytes(self.size)

    @property
    def dont_care(self) -> MatchValue | None:
        """What an absent field stands for; None: it must be there."""
        return self.zeros, self.zeros, 0

    def parse(self, match: p4r.FieldMatch) -> MatchValue:
        """Check, pack and make canonical.

        Raises:
            RpcError: the field does not hold a value of its kind.
        """
        raise NotImplementedError

    def unparse(self, value: bytes, mask: bytes, prefix_len: int, match: p4r.FieldMatch) -> bool:
        """Fill in a message from the packed form; False: it is "don't care" and must be left out."""
        raise NotImplementedError

    def wrong_kind(self, match: p4r.FieldMatch) -> None:
        """Raise about a field of another kind."""
        kind = match.WhichOneof("field_match_type") or "nothing"
        invalid(f"match field {self.name}: expected {self.kind}, got {kind}")

    kind: str = ""


class ExactCodec(MatchCodec):
    """EXACT."""

    __slots__ = ()
    kind = "exact"

    @property
    def dont_care(self) -> MatchValue | None:
        """An exact field must be there."""
        return None

    def parse(self, match: p4r.FieldMatch) -> MatchValue:
        """See `MatchCodec.parse`."""
        value = match.exact.value
        if not value and not match.HasField("exact"):
            self.wrong_kind(match)
        packed = self.pack(value)
        if value[0] == 0 and len(value) > 1:
            match.exact.value = self.translation.to_controller(packed)
        return packed, self.ones, 0

    def unparse(self, value: bytes, mask: bytes, prefix_len: int, match: p4r.FieldMatch) -> bool:  # noqa: ARG002
        """See `MatchCodec.unparse`."""
        match.exact.value = self.translation.to_controller(value)
        return True


class LpmCodec(MatchCodec):
    """LPM."""

    __slots__ = ("_masks",)
    kind = "lpm"

    def __init__(self, field: p4i.MatchField, position: int, translation: Translation) -> None:
        super().__init__(field, position, translation)
        width = self.width
        hosts = [(1 << (width - length)) - 1 for length in range(width + 1)]
        self._masks = [(((1 << width) - 1 - host).to_bytes(self.size), host) for host in hosts]
        """Per prefix length the mask, and the bits outside it."""

    def parse(self, match: p4r.FieldMatch) -> MatchValue:
        """See `MatchCodec.parse`."""
        lpm = match.lpm
        length = lpm.prefix_len
        if not 0 < length <= self.width:
            if not match.HasField("lpm"):
                self.wrong_kind(match)
            what = "leave the field out for 'don't care'" if length == 0 else f"1 ... {self.width}"
            invalid(f"match field {self.name}: prefix length {length}; {what}")
        given = lpm.value
        value = self.pack(given)
        mask, host_bits = self._masks[length]
        if host_bits and int.from_bytes(value) & host_bits:
            invalid(f"match field {self.name}: bits beyond the prefix of {length} are set")
        if value[0] == 0 or len(given) != self.size:
            lpm.value = self.translation.to_controller(value)
        return value, mask, length

    def unparse(self, value: bytes, mask: bytes, prefix_len: int, match: p4r.FieldMatch) -> bool:  # noqa: ARG002
        """See `MatchCodec.unparse`."""
        match.lpm.value = self.translation.to_controller(value)
        match.lpm.prefix_len = prefix_len
        return prefix_len > 0


class TernaryCodec(MatchCodec):
    """TERNARY."""

    __slots__ = ()
    kind = "ternary"

    def parse(self, match: p4r.FieldMatch) -> MatchValue:
        """See `MatchCodec.parse`."""
        if not match.HasField("ternary"):
            self.wrong_kind(match)
        ternary = match.ternary
        value = self.pack(ternary.value)
        mask = self.pack(ternary.mask)
        if mask == self.zeros:
            invalid(f"match field {self.name}: the mask is 0; leave the field out for 'don't care'")
        if int.from_bytes(value) & ~int.from_bytes(mask):
            invalid(f"match field {self.name}: bits outside the mask are set")
        ternary.value = self.translation.to_controller(value)
        ternary.mask = self.translation.to_controller(mask)
        return value, mask, 0

    def unparse(self, value: bytes, mask: bytes, prefix_len: int, match: p4r.FieldMatch) -> bool:  # noqa: ARG002
        """See `MatchCodec.unparse`."""
        match.ternary.value = self.translation.to_controller(value)
        match.ternary.mask = self.translation.to_controller(mask)
        return mask != self.zeros


class RangeCodec(MatchCodec):
    """RANGE."""

    __slots__ = ()
    kind = "range"

    @property
    def dont_care(self) -> MatchValue | None:
        """All values."""
        return self.zeros, self.ones, 0

    def parse(self, match: p4r.FieldMatch) -> MatchValue:
        """See `MatchCodec.parse`."""
        if not match.HasField("range"):
            self.wrong_kind(match)
        range_ = match.range
        low, high = self.pack(range_.low), self.pack(range_.high)
        if low > high:
            invalid(f"match field {self.name}: the low end is above the high end")
        if low == self.zeros and high == self.ones:
            invalid(f"match field {self.name}: all values; leave the field out for 'don't care'")
        range_.low = self.translation.to_controller(low)
        range_.high = self.translation.to_controller(high)
        return low, high, 0

    def unparse(self, value: bytes, mask: bytes, prefix_len: int, match: p4r.FieldMatch) -> bool:  # noqa: ARG002
        """See `MatchCodec.unparse`."""
        match.range.low = self.translation.to_controller(value)
        match.range.high = self.translation.to_controller(mask)
        return value != self.zeros or mask != self.ones


class OptionalCodec(MatchCodec):
    """OPTIONAL: the device matches it as ternary, all bits or none."""

    __slots__ = ()
    kind = "optional"

    def parse(self, match: p4r.FieldMatch) -> MatchValue:
        """See `MatchCodec.parse`."""
        if not match.HasField("optional"):
            self.wrong_kind(match)
        value = self.pack(match.optional.value)
        match.optional.value = self.translation.to_controller(value)
        return value, self.ones, 0

    def unparse(self, value: bytes, mask: bytes, prefix_len: int, match: p4r.FieldMatch) -> bool:  # noqa: ARG002
        """See `MatchCodec.unparse`."""
        match.optional.value = self.translation.to_controller(value)
        return mask != self.zeros


CODECS: Final[dict[int, type[MatchCodec]]] = {
    2: ExactCodec,
    3: LpmCodec,
    4: TernaryCodec,
    5: RangeCodec,
    6: OptionalCodec,
}
"""By `p4.config.v1.MatchField.MatchType`."""


class ActionCodec:
    """An action as one table, or one action profile, has it."""

    __slots__ = ("_params", "id", "name", "position", "scope")

    def __init__(
        self, action_id: int, name: str, position: int, scope: int, params: list[tuple[int, Translation]]
    ) -> None:
        self.id = action_id
        self.name = name
        self.position = position
        """In `Program.actions`."""
        self.scope = scope
        """`p4.config.v1.ActionRef.Scope`: 0 everywhere, 1 entries only, 2 default only."""
        self._params = {
            param_id: (i, translation.to_device, translation)
            for i, (param_id, translation) in enumerate(params)
        }

    def parse(self, action: p4r.Action) -> bytes:
        """Check, pack and make the parameters canonical.

        Raises:
            RpcError: a parameter is missing, unknown, there twice or too big.
        """
        params = action.params
        known = self._params
        if len(params) != len(known):
            invalid(f"action {self.name} takes {len(known)} parameters, not {len(params)}")
        packed: list[bytes] = [b""] * len(known)
        for param in params:
            slot = known.get(param.param_id)
            if slot is None:
                invalid(f"action {self.name} has no parameter {param.param_id}")
            position, pack, translation = slot
            if packed[position]:
                invalid(f"action {self.name}: parameter {param.param_id} is there twice")
            value = param.value
            packed[position] = raw = pack(value)
            if value[0] == 0 and len(value) > 1:
                param.value = translation.to_controller(raw)
        return b"".join(packed)

    def unparse(self, packed: bytes, action: p4r.Action) -> None:
        """Fill in a message from the packed form."""
        action.action_id = self.id
        offset = 0
        for param_id, (_, _, translation) in self._params.items():
            end = offset + (translation.width + 7) // 8
            value = translation.to_controller(packed[offset:end])
            action.params.add(param_id=param_id, value=value)
            offset = end
