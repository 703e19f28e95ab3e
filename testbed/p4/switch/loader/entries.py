"""The `entries` of a table and the runtime data of actions, packed as `target` has them."""

from __future__ import annotations

from testbed.p4.switch.loader.cursor import Cursor
from testbed.p4.switch.loader.objects import MAX_CELLS
from testbed.p4.switch.loader.scope import Scope
from testbed.p4.switch.model import Action, KeyField
from testbed.p4.switch.target import TableOp, Verb


def pack_params(at: Cursor, action: Action) -> bytes:
    """An `action_data` array."""
    values = at.items()
    if len(values) != len(action.params):
        raise at.error(f"action '{action.name}' takes {len(action.params)} arguments, not {len(values)}")
    return b"".join(
        (value.hexstr() & ((1 << param.width) - 1)).to_bytes(param.nbytes)
        for value, param in zip(values, action.params, strict=True)
    )


def load_entries(
    at: Cursor,
    table: int,
    key: tuple[KeyField, ...],
    allowed: tuple[int, ...],
    scope: Scope,
) -> tuple[TableOp, ...]:
    """The INSERTs that `entries` of a table stand for, handles from 0 up."""
    items = at.items("entries")
    if len(items) > MAX_CELLS:
        raise at.get("entries").error(f"more than {MAX_CELLS} entries")
    seen: set[tuple[bytes, bytes, int]] = set()
    ops = []
    for handle, item in enumerate(items):
        values, masks, prefix_len = _match_key(item.get("match_key"), key)
        priority = 0
        if any(f.kind in ("ternary", "range") for f in key):
            priority = item.get("priority").number(0, 2**31 - 1)
        if (values, masks, priority) in seen:
            raise item.error("this match key is there twice")
        seen.add((values, masks, priority))
        entry = item.get("action_entry")
        action = scope.action_names.find_id(entry.get("action_id"))
        if action not in allowed:
            raise entry.get("action_id").error("this is none of the table's actions")
        params = pack_params(entry.get("action_data"), scope.actions[action])
        ops.append(TableOp(Verb.INSERT, table, handle, values, masks, prefix_len, priority, action, params))
    return tuple(ops)


def _match_key(at: Cursor, key: tuple[KeyField, ...]) -> tuple[bytes, bytes, int]:
    items = at.items()
    if len(items) != len(key):
        raise at.error(f"the key has {len(key)} fields, not {len(items)}")
    values, masks, prefix_len = [], [], 0
    for item, field in zip(items, key, strict=True):
        if item.get("match_type").text() != field.kind:
            raise item.get("match_type").error(f"field '{field.name}' is of kind '{field.kind}'")
        value, mask = _match_field(item, field)
        if field.kind == "lpm":
            prefix_len = item.get("prefix_length").value
        values.append(value.to_bytes(field.nbytes))
        masks.append(mask.to_bytes(field.nbytes))
    exact = all(f.kind in ("exact", "valid") for f in key)
    return b"".join(values), b"" if exact else b"".join(masks), prefix_len


def _match_field(at: Cursor, field: KeyField) -> tuple[int, int]:
    """(value, mask), or the (low, high) end of a range."""
    ones = (1 << field.width) - 1
    match field.kind:
        case "valid":
            return int(at.get("key").flag()), ones
        case "exact":
            return at.get("key").unsigned(field.width), ones
        case "lpm":
            length = at.get("prefix_length").number(0, field.width)
            mask = ones & ~(ones >> length)
            return at.get("key").unsigned(field.width) & mask, mask
        case "ternary":
            mask = at.get("mask").hexstr() & ones
            return at.get("key").hexstr() & mask, mask
        case "range":
            low, high = at.get("start").unsigned(field.width), at.get("end").unsigned(field.width)
            if low > high:
                raise at.error(f"the range {low} ... {high} is empty")
            return low, high
