"""A machine moves from dc1 to dc2. Does the traffic of a client still take the short way?"""

import pytest


@pytest.mark.lab(mode="evpn-vmto")
def test_vmto_keeps_the_way_short(vm, flow, trace, eventually):
    stream = flow("client", vm, rate=250)
    vm.migrate("dc2")
    eventually(lambda: trace("client", vm).crossings == 1, within=10)
    report = stream.stop()
    assert report.alive
    assert 0 < report.lost < report.sent


@pytest.mark.lab(mode="evpn")
def test_without_vmto_it_is_a_trombone(vm, pe, flow, trace, eventually):
    session = flow("client", vm, "tcp")
    vm.migrate("dc2")
    eventually(lambda: trace("client", vm).crossings == 2, within=10)
    found = trace("client", vm)
    assert found.there.nodes == ("acc4", "pe4", "p4", "p1", "pe1", "p1", "p2", "pe2", "acc2")
    assert found.back.trombone
    assert session.stop().alive
    (row,) = (row for row in pe("pe3").evpn() if row["ip"] == vm.address)
    assert (row["source"], row["sequence"]) == ("pe2", 1)
