"""What carries a host route, who routes, and which MAC a gateway has: each variant moves a machine, live."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testbed.api import Lab
from testbed.lab.eventually import eventually
from testbed.resources import topology

pytestmark = [pytest.mark.needs_root, pytest.mark.slow, pytest.mark.usefixtures("run_directory")]

DIRECT = ("acc2", "pe2", "p2", "p4", "pe4", "acc4")
TROMBONE = ("acc2", "pe2", "p2", "p1", "pe1", "p1", "p4", "pe4", "acc4")


def variant(path: Path, *, tenant: str = "", domain: str = "") -> Path:
    """The lab `wan` with options for its tenant and for the bridge domain of its machine."""
    text = topology("wan").read_text()
    text = text.replace("red: {label: The customer}", f"red: {{label: The customer{tenant}}}")
    text = text.replace("    gateway: 10.0.10.1\n", f"    gateway: 10.0.10.1\n{domain}")
    file = path / "variant.yaml"
    file.write_text(text)
    return file


def moved(lab: Lab) -> None:
    """Let the machine go to the second data center, and see that the client finds it by the short way."""
    eventually(lambda: lab.trace("client", "vm1").crossings == 1, within=10)
    lab.vm("vm1").migrate("dc2", blackout_ms=20)
    short = tuple(reversed(DIRECT))
    eventually(lambda: lab.trace("client", "vm1").there.nodes == short, within=10)


def ttl(lab: Lab, source: str, destination: str) -> int:
    """What is left of 64 after an echo's answer has been routed. The first one may find nobody known yet."""

    def answer() -> re.Match[str] | None:
        return re.search(r"ttl=(\d+)", lab.machine(source).ping(destination, count=1))

    found = eventually(answer, within=10)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize(("carrier", "families"), [("vpn", {"evpn", "vpnv4"}), ("type2", {"evpn"})])
def test_carriers_of_host_routes(carrier: str, families: set[str], tmp_path: Path) -> None:
    """The way is the short one by each; after the move only the new place says where the host is."""
    with Lab.start(str(variant(tmp_path, tenant=f", host_route: {carrier}")), mode="evpn-vmto") as lab:
        moved(lab)
        assert lab.trace("client", "vm1").back.nodes == DIRECT
        branch = lab.pe("pe4")

        def known() -> set[tuple[str, str]]:
            rows = [row for row in branch.bgp() if "10.0.10.11" in row["network"]]
            assert not any(row["network"].startswith("[5]") for row in rows)
            return {(row["family"], row["next_hop"]) for row in rows}

        eventually(lambda: known() == {(family, "10.255.0.2") for family in families}, within=5)
        (route,) = (row for row in branch.routes() if row["prefix"] == "10.0.10.11/32")
        assert route["via"].startswith("pe2, ")


def test_asymmetric_irb(tmp_path: Path) -> None:
    """Only the ingress PE routes: the TTL goes down once instead of twice, whether it moved or not."""
    with Lab.start(str(variant(tmp_path, tenant=", irb: asymmetric")), mode="evpn-vmto") as lab:
        assert ttl(lab, "vm1", "db2") == 63
        moved(lab)
        assert ttl(lab, "h1", "db2") == 63
        assert ttl(lab, "vm1", "db2") == 63


@pytest.mark.parametrize(("mode", "back"), [("per-pe", DIRECT), ("per-pe-no-community", TROMBONE)])
def test_gateways_with_a_mac_of_their_own(mode: str, back: tuple[str, ...], tmp_path: Path) -> None:
    """The machine still sends to the gateway it had: its new one knows that MAC only if it was told of it."""
    with Lab.start(str(variant(tmp_path, domain=f"    gateway_mode: {mode}\n")), mode="evpn-vmto") as lab:
        moved(lab)
        eventually(lambda: lab.trace("client", "vm1").back.nodes == back, within=5)
