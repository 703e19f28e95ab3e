"""An end of a TCP connection in a namespace of its own: `bench.tcp listen|connect INTERFACE SECONDS`.

It waits for a line on stdin (its interface has been moved in by then), sets its addresses, and prints bytes
per second once it has sent or received for as long as it was told.
"""

from __future__ import annotations

import socket
import sys
import time

from testbed.p4.switch.bench.cases import HOST_A, HOST_B
from testbed.p4.switch.bench.network import enter_namespace, ip
from testbed.p4.switch.native.library import library

PORT = 5001


def _mac(number: int) -> str:
    return number.to_bytes(6).hex(":")


def _configure(interface: str, last: int) -> None:
    """Addresses, and a fixed neighbour: routers in between do not answer ARP."""
    macs = {1: HOST_A, 2: HOST_B}
    ip("link", "set", interface, "address", _mac(macs[last]))
    ip("addr", "add", f"10.0.0.{last}/24", "dev", interface)
    ip("link", "set", interface, "mtu", "1500", "up")
    ip("neigh", "replace", f"10.0.0.{3 - last}", "lladdr", _mac(macs[3 - last]), "dev", interface)
    library().dll.vs_offloads_off(interface.encode())


def listen(interface: str, seconds: float) -> float:
    """Receive from the first who connects; bytes per second."""
    _configure(interface, 2)
    server = socket.create_server(("10.0.0.2", PORT))
    print("listening", flush=True)
    server.settimeout(20)
    connection, _ = server.accept()
    buffer = bytearray(1 << 20)
    total, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds:
        n = connection.recv_into(buffer)
        if n == 0:
            break
        total += n
    return total / took


def connect(interface: str, seconds: float) -> float:
    """Connect and send until the other side has had enough; bytes per second."""
    _configure(interface, 1)
    print("ready", flush=True)
    sys.stdin.readline()
    data = bytes(1 << 20)
    total, start = 0, time.perf_counter()
    with socket.create_connection(("10.0.0.2", PORT), timeout=10) as connection:
        try:
            while time.perf_counter() - start < seconds + 1:
                total += connection.send(data)
        except OSError:
            pass
    return total / (time.perf_counter() - start)


if __name__ == "__main__":
    enter_namespace()
    print("namespace", flush=True)
    sys.stdin.readline()
    role = {"listen": listen, "connect": connect}[sys.argv[1]]
    print(role(sys.argv[2], float(sys.argv[3])), flush=True)
