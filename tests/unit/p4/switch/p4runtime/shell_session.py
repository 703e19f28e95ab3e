"""Run by the interpreter of p4runtime-shell's own environment: what one would type into it.

Arguments: address, P4Info file, bmv2 JSON file. Ends with status 0 and the line `done`.
"""

import os
import sys
import traceback

import p4runtime_sh.shell as sh
from p4runtime_sh.p4runtime import P4RuntimeWriteException


def session() -> None:
    """One of each entity."""

    entry = sh.TableEntry("IngressImpl.dmac")(action="IngressImpl.forward")
    entry.match["hdr.ethernet.dst"] = "02:00:00:00:00:aa"
    entry.action["port"] = "3"
    entry.insert()
    entry.action["port"] = "4"
    entry.modify()
    (found,) = list(sh.TableEntry("IngressImpl.dmac").read())
    assert found.action["port"].value == b"\x04", found
    try:
        entry.insert()
    except P4RuntimeWriteException as error:
        assert "ALREADY_EXISTS" in str(error), error
    else:
        raise AssertionError("a duplicate was accepted")

    acl = sh.TableEntry("IngressImpl.acl")(action="IngressImpl.mirror")
    acl.match["hdr.ipv4.src"] = "10.0.0.0&&&255.0.0.0"
    acl.match["ethernet_valid"] = "1"
    acl.action["session"] = "7"
    acl.priority = 5
    acl.insert()

    default = sh.TableEntry("IngressImpl.dmac")(action="IngressImpl.forward", is_default=True)
    default.action["port"] = "9"
    default.modify()

    member = sh.ActionProfileMember("IngressImpl.ecmp")(member_id=1, action="IngressImpl.set_dst")
    member.action["mac"] = "02:00:00:00:00:01"
    member.action["port"] = "1"
    member.insert()
    group = sh.ActionProfileGroup("IngressImpl.ecmp")(group_id=1)
    group.add(member_id=1, weight=2)
    group.insert()
    balanced = sh.TableEntry("IngressImpl.balanced")
    balanced.match["hdr.ipv4.dst"] = "10.0.0.1"
    balanced.group_id = 1
    balanced.insert()
    assert [g.group_id for g in sh.ActionProfileGroup("IngressImpl.ecmp").read()] == [1]

    session = sh.CloneSessionEntry(7)
    session.add(2, 1)
    session.insert()
    multicast = sh.MulticastGroupEntry(5)
    multicast.add(1, 1).add(2, 1)
    multicast.insert()
    (read_back,) = sh.MulticastGroupEntry(5).read()
    assert len(read_back.replicas) == 2

    counter = sh.CounterEntry("IngressImpl.port_counter")
    counter.index = 1
    counter.packet_count = 42
    counter.modify()
    assert [c.packet_count for c in sh.CounterEntry("IngressImpl.port_counter").read()][1] == 42
    meter = sh.MeterEntry("IngressImpl.port_meter")
    meter.index = 1
    meter.cir, meter.cburst, meter.pir, meter.pburst = 1, 2, 3, 4
    meter.modify()
    digest = sh.DigestEntry("learned_t")
    digest.ack_timeout_ns, digest.max_timeout_ns, digest.max_list_size = 0, 0, 1
    digest.insert()

    packet = sh.PacketOut(payload=b"\x02\0\0\0\0\xaa" + b"\x02\0\0\0\0\xbb" + b"\x12\x34", port="1", pad="0")
    packet.send()
    packet.metadata["port"] = "510"
    packet.payload = b"\0\0" + packet.payload
    packet.send()
    received = []
    sh.PacketIn().sniff(received.append, timeout=1)
    assert len(received) == 1, received

    entry.delete()
    assert list(sh.TableEntry("IngressImpl.dmac").read()) == []


def main() -> None:
    """Connect, work, and end at once whatever happens: the shell's threads would keep the process."""
    address, p4info, config = sys.argv[1:]
    sh.setup(device_id=1, grpc_addr=address, election_id=(0, 1), config=sh.FwdPipeConfig(p4info, config))
    try:
        session()
    except Exception:
        traceback.print_exc()
        os._exit(1)
    sh.teardown()
    print("done", flush=True)
    os._exit(0)


main()
