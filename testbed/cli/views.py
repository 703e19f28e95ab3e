"""Tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from testbed.model.plan import Plan


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _print(*tables: Table) -> None:
    console = Console(highlight=False)
    for table in tables:
        console.print(table)
        console.print()


def show_status(found: dict[str, Any]) -> None:
    """Switches, machines and sessions of a running lab."""
    setup = found["setup"]
    parts = f"{setup['target']} switches, reflector {setup['reflector']}"
    title = f"topology {found['name']}: {setup['mode']}, {parts}"
    switches = _table(title, "switch", "role", "process", "P4Runtime", "tables", "BGP")
    for name, switch in found["switches"].items():
        controller, bgp = found["controllers"].get(name, {}), found["bgp"].get(name, {})
        switches.add_row(
            name,
            switch["role"],
            "alive" if switch["alive"] else "dead",
            switch["grpc"],
            "ready" if controller.get("p4runtime") else "not ready",
            ", ".join(f"{peer} {state}" for peer, state in bgp.items()),
        )
    machines = _table("", "machine", "", "address", "MAC", "at")
    for name, machine in found["machines"].items():
        where = machine.get("slot", "") or ("off the network" if "slot" in machine else "")
        alive = "alive" if machine["alive"] else "dead"
        machines.add_row(name, alive, machine["address"], machine["mac"], where)
    _print(switches, machines)


def show_plan(plan: Plan) -> None:
    """Everything that is derived from a topology."""
    switches = _table(f"topology {plan.name}", "switch", "role", "site", "loopback", "SID", "P4Runtime")
    ports = _table("", "port", "interface", "MAC", "to", "delay")
    for switch in plan.switches.values():
        loopback, sid = str(switch.loopback or ""), str(switch.sid_label or "")
        switches.add_row(switch.name, switch.role, switch.site or "", loopback, sid, switch.grpc_address)
        for port in switch.ports:
            delay = f"{port.delay_ms:g} ms" if port.delay_ms else ""
            ports.add_row(str(port.endpoint), port.interface, port.mac, port.peer, delay)
    services = _table("", "bridge domain", "VLAN", "gateway", "PE", "RD", "unicast", "BUM")
    for bd in plan.bridge_domains.values():
        for pe, instance in bd.instances.items():
            labels = str(instance.unicast_label), str(instance.bum_label)
            services.add_row(bd.name, str(bd.vlan), str(bd.gateway), pe, instance.rd, *labels)
    machines = _table("", "machine", "address", "MAC", "bridge domain", "at")
    for host in plan.hosts.values():
        machines.add_row(host.name, str(host.address), host.mac, host.bridge_domain, host.site)
    for vm in plan.vms.values():
        slots = ", ".join(slot.name for slot in vm.slots)
        machines.add_row(vm.name, str(vm.address), vm.mac, vm.bridge_domain, f"{vm.at} (slots {slots})")
    _print(switches, ports, services, machines)
