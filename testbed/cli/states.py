"""State of a lab as text, in the shape that operators of routers know. Pure: rows in, text out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

Row = dict[str, Any]


def columns(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Left-aligned columns, two blanks apart."""
    lines = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def bgp_sessions(rows: Sequence[Row]) -> str:
    """One line a session."""
    headings = ("PE", "Neighbor", "AS", "UpdRcvd", "UpdSent", "Up/Down", "State/PfxRcd")
    return columns(
        headings,
        (
            (
                row["pe"],
                row["neighbor"],
                row["asn"],
                row["updates_in"],
                row["updates_out"],
                _duration(row["seconds"]),
                row["routes"] if row["up"] else f"{row['state']} ({row['reason']})",
            )
            for row in rows
        ),
    )


def bgp_routes(rows: Sequence[Row]) -> str:
    """The routes of a family by route distinguisher, in FRR's shape: what a network has is beneath it."""
    if not rows:
        return "no routes"
    legend = ["Status: * valid, > best, i internal; those without i are this PE's own", *_evpn_legend(rows)]
    parts = ["\n".join(legend)]
    for rd, routes in groupby(sorted(rows, key=lambda row: row["rd"] or ""), key=lambda row: row["rd"]):
        lines = [f"Route Distinguisher: {rd}"] if rd else []
        for row in routes:
            lines += _bgp_route(row)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


EVPN_PREFIXES = {
    "1": "[1]:[ESI]:[EthTag]",
    "2": "[2]:[EthTag]:[MAClen]:[MAC]:[IPlen]:[IP]",
    "3": "[3]:[EthTag]:[IPlen]:[OrigIP]",
    "4": "[4]:[ESI]:[IPlen]:[OrigIP]",
    "5": "[5]:[EthTag]:[IPlen]:[IP]",
}


def _evpn_legend(rows: Sequence[Row]) -> list[str]:
    """How the networks of the EVPN route types that there are have to be read."""
    kinds = sorted({row["network"][1:2] for row in rows if row["family"] == "evpn"} & EVPN_PREFIXES.keys())
    return [f"EVPN type-{kind} prefix: {EVPN_PREFIXES[kind]}" for kind in kinds]


def _network(row: Row) -> str:
    """Without the route distinguisher; of EVPN as `EVPN_PREFIXES` has it."""
    text: str = row["network"]
    if row["family"] != "evpn":
        return text.removeprefix(f"{row['rd']}:")
    kind, rd, *fields = text.strip("[]").split("]:[")
    if kind not in EVPN_PREFIXES or rd != row["rd"]:
        return text
    if kind == "2":
        fields[1:] = ["48", fields[1], *(part for ip in fields[2:] for part in (_bits(ip), ip))]
    elif kind in ("3", "4"):
        fields[1:] = [_bits(fields[1]), fields[1]]
    elif kind == "5":
        fields[1:] = fields[1].split("/")[::-1]
    return f"[{']:['.join([kind, *fields])}]"


def _bits(address: str) -> str:
    return "128" if ":" in address else "32"


def _bgp_route(row: Row) -> list[str]:
    status = f"{'*>' if row['best'] else '* '}{' ' if row['peer'] is None else 'i'}"
    facts = [f"via {row['next_hop']}"]
    if row["local_pref"] is not None:
        facts.append(f"LocPrf {row['local_pref']}")
    if row["labels"]:
        facts.append(f"label {'/'.join(map(str, row['labels']))}")
    communities = [f"RT:{target}" for target in row["targets"]] + row["communities"]
    beneath = [", ".join(facts), " ".join(communities)]
    return [f" {status} {_network(row)}", *(f"       {line}" for line in beneath if line)]


def evpn(rows: Sequence[Row]) -> str:
    """A database for each bridge domain, a MAC with all its addresses, in the shape of Junos."""
    parts = []
    for (name, vlan), entries in groupby(rows, key=lambda row: (row["bridge_domain"], row["vlan"])):
        macs: dict[tuple[object, ...], list[str]] = {}
        for row in entries:
            flags = " ".join(flag for flag in ("local", "sticky", "gateway") if row[flag])
            mac = ("*" if row["active"] else "", row["mac"], row["source"], row["sequence"], flags)
            macs.setdefault(mac, []).extend([row["ip"]] if row["ip"] else [])
        body: list[Sequence[object]] = []
        for known, addresses in macs.items():
            first, *others = addresses or [""]
            body += [(*known, first), *(("",) * len(known) + (other,) for other in others)]
        headings = ("", "MAC address", "Active source", "Seq", "Flags", "IP address")
        parts.append(f"Bridge domain: {name}, VLAN: {vlan}\n" + columns(headings, body))
    return "\n\n".join(["* frames go there now", *parts]) if parts else "no MACs"


def vpls(rows: Sequence[Row]) -> str:
    """A table of pseudo-wires for each bridge domain, beneath its own site and virtual router."""
    parts = []
    for row in rows:
        lines = [
            f"Bridge domain: {row['bridge_domain']}, site {row['site']} "
            f"({'active' if row['forwards'] else 'standby'} here)"
        ]
        lines += [
            f"VRRP {vrrp['vrid']}: {vrrp['state']}, gateway {vrrp['virtual']}, "
            f"own address {vrrp['own']}, priority {vrrp['priority']}"
            for vrrp in row["vrrp"]
        ]
        body = [
            (wire["site"], wire["pe"], wire["number"], wire["label_in"], wire["label_out"], wire["macs"])
            for wire in row["pseudo_wires"]
        ]
        headings = ("Site", "PE", "Pseudo-wire", "Label in", "Label out", "MACs")
        lines.append(columns(headings, body) if body else "no pseudo-wires")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) if parts else "no VPLS instances"


def macs(rows: Sequence[Row]) -> str:
    """A table for each bridge domain or VLAN."""
    flags = {"local": "D", "pseudo-wire": "D", "remote": "DC", "static": "S", "gateway": "G"}
    parts = []
    for (name, vlan), entries in groupby(rows, key=lambda row: (row["bridge_domain"], row["vlan"])):
        body = ((row["mac"], flags[row["kind"]], row["via"]) for row in entries)
        # An access switch has no bridge domains: its VLANs have no names.
        where = f"Bridge domain: {name}, VLAN: {vlan}" if name else f"VLAN: {vlan}"
        parts.append(f"{where}\n" + columns(("MAC address", "Flags", "Logical interface"), body))
    legend = "Flags: D learned, C from the control plane, S static, G gateway"
    return "\n\n".join([legend, *parts]) if parts else "no MACs"


def routes(rows: Sequence[Row]) -> str:
    """A table for each IP-VRF."""
    codes = {"connected": "C", "host": "H", "remote": "B", "discard": "X"}
    parts = []
    for name, entries in groupby(rows, key=lambda row: row["vrf"]):
        body = (
            (
                f"{codes[row['kind']]}>*",
                row["prefix"],
                ("via " if row["kind"] in ("host", "remote") else "") + row["via"],
            )
            for row in entries
        )
        parts.append(f"VRF {name}:\n" + columns(("", "Prefix", ""), body))
    legend = "Codes: C connected, H host on a circuit of this PE, B BGP, X discard"
    return "\n\n".join([legend, *parts]) if parts else "no routes"


def labels(rows: Sequence[Row]) -> str:
    """The incoming label map."""
    body = ((row["label"], row["action"], row["via"]) for row in rows)
    return columns(("Label", "Action", "Outgoing"), body) if rows else "no labels"


def tables(rows: Sequence[Row]) -> str:
    """Entries of all tables, one a line."""
    parts = []
    for name, entries in groupby(rows, key=lambda row: row["table"]):
        body = [(_match(row), _action(row), row.get("packets", "")) for row in entries]
        parts.append(f"{name} ({len(body)})\n" + columns(("  match", "action", "packets"), body))
    return "\n\n".join(parts) if parts else "no entries"


def _match(row: Row) -> str:
    words = [f"{name}={value}" for name, value in row["match"].items()]
    priority = [f"priority={row['priority']}"] if row.get("priority") else []
    return "  " + " ".join(words + priority)


def _action(row: Row) -> str:
    if "replicas" in row:
        return " ".join(f"{each['port']}#{each['instance']}" for each in row["replicas"])
    if "members" in row:
        return " | ".join(_call(member) for member in row["members"])
    return _call(row)


def _call(row: Row) -> str:
    return f"{row['action']}({', '.join(f'{name}={value}' for name, value in row['params'].items())})"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"


def trace(found: Row) -> str:
    """The ways of one echo, hop by hop."""
    ends = found["source"], found["destination"]
    rtt = f"{found['rtt_ms']:.1f} ms there and back" if found["answered"] else "no echo came back"
    if found["lost"]:
        rtt += f", after {found['lost']} lost"
    there = _way(f"{ends[0]} > {ends[1]}", found["there"])
    back = _way(f"{ends[1]} > {ends[0]}", found["back"])
    return "\n\n".join([f"{ends[0]} > {ends[1]}: {rtt}", there, back])


def _way(title: str, way: Row | None) -> str:
    if way is None:
        return f"{title}: no switch saw a packet"
    parts = []
    for branch in way["branches"]:
        verdict = (
            f"{branch['crossings']} WAN crossing{'s' if branch['crossings'] != 1 else ''}, "
            f"{'a trombone' if branch['trombone'] else 'no trombone'}"
        )
        reached = "" if way["delivered"] else f", reached {branch['receiver'] or 'nobody'}"
        body = (
            (
                "",
                hop["node"],
                hop["in"],
                f"dropped: {hop['drop']}" if hop["out"] is None else hop["out"],
                " ".join(map(str, hop.get("labels", []))),
            )
            for hop in branch["hops"]
        )
        parts.append(f"{title}: {verdict}{reached}\n" + columns(("", "node", "in", "out", "labels"), body))
    problems = [f"  {problem}" for problem in way["inconsistencies"]]
    return "\n".join([*(parts or [f"{title}: lost"]), *problems])
