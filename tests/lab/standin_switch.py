"""A learning bridge with the command line of a P4Runtime target, to test a lab without one."""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import socket
import sys

ETH_P_ALL = 0x0003


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", action="append", dest="ports", default=[])
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--grpc-server-addr", default="127.0.0.1:0")
    options, _ = parser.parse_known_args([word for word in sys.argv[1:] if word != "--"])
    selector, table = selectors.DefaultSelector(), {}
    wires = {}
    for port in options.ports:
        interface = port.partition("@")[2]
        # Without a protocol it hears nothing until it is bound: no frames of other interfaces.
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        wire.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
        wire.bind((interface, ETH_P_ALL))
        wire.setblocking(False)
        wires[interface] = wire
        selector.register(wire, selectors.EVENT_READ)
    host, _, port = options.grpc_server_addr.rpartition(":")
    served = socket.create_server((host, int(port)))
    served.listen()
    if options.ready_fd is not None:
        os.write(options.ready_fd, b"ready\n")
    while True:
        for key, _ in selector.select():
            try:
                frame = key.fileobj.recv(65536)
            except OSError:
                continue
            table[frame[6:12]] = key.fileobj
            out = table.get(frame[:6])
            for wire in [out] if out else wires.values():
                if wire is not key.fileobj:
                    with contextlib.suppress(OSError):
                        wire.send(frame)


main()
