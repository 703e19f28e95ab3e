"""The command line of `vmto switch`: that of simple_switch_grpc, as far as labs use it, and a little more."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from testbed.p4.switch.target import PortConfig

VERSION: Final = "1.15 (vmto switch)"
"""The simple_switch_grpc that it does the same as."""

DEFAULT_ADDRESS: Final = "127.0.0.1:9559"

_IGNORED_WITH_VALUE: Final = (
    "--thrift-port",
    "--nanolog",
    "--notifications-addr",
    "--debugger-addr",
    "--packet-in",
    "--use-files",
    "--restore-state",
    "--dump-packet-data",
    "--max-port-count",
    "--log-file-max-size",
    "--log-file-max-files",
    "--max-mc-groups",
    "--max-l1-entries",
    "--max-l2-entries",
    "--dp-grpc-server-addr",
    "--grpc-server-cert",
    "--grpc-server-key",
    "--grpc-server-cacert",
)
"""Options of simple_switch_grpc that mean nothing here; they take a value, which is ignored."""

_IGNORED: Final = ("--log-flush", "--debugger", "--enable-swap", "--disable-swap")

LOG_LEVELS: Final = ("trace", "debug", "info", "warn", "error", "off")


class UsageError(Exception):
    """The command line is wrong: one line that says how."""


@dataclass(frozen=True, slots=True)
class SwitchOptions:
    """What the command line asks for."""

    json: Path | None
    p4info: Path | None
    device_id: int
    ports: tuple[PortConfig, ...]
    address: str
    cpu_port: int | None
    drop_port: int
    priorities: int
    engine: str
    pcap_dir: Path | None
    log_console: bool
    log_file: Path | None
    log_level: str
    ready_fd: int | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise, so that all mistakes end the same way."""
        raise UsageError(message)


def parse_options(argv: list[str]) -> SwitchOptions:
    """Options of the switch; those after a bare `--` are read like the others.

    Raises:
        UsageError: something is wrong or missing.
    """
    args = _parser().parse_args(_prepared(argv))
    if args.json is None and not args.no_p4:
        raise UsageError("give a bmv2 JSON file, or --no-p4 to start without a program")
    if args.grpc_server_ssl or args.grpc_server_with_client_auth:
        raise UsageError(
            "this switch has no TLS: leave --grpc-server-ssl out, and serve on loopback or unix:PATH"
        )
    if args.p4info is not None and args.json is None:
        raise UsageError("--p4info needs the JSON file it belongs to")
    delays, rates = _per_port("--port-delay", args.port_delay), _per_port("--port-rate", args.port_rate)
    interfaces = _interfaces(args.interface)
    for option, values in (("--port-delay", delays), ("--port-rate", rates)):
        stray = values.keys() - interfaces.keys()
        if stray:
            raise UsageError(f"{option}: port {min(stray)} has no interface; add -i {min(stray)}@IFACE")
    ports = (
        PortConfig(port, name, delays.get(port, 0.0), rates.get(port, 0.0))
        for port, name in interfaces.items()
    )
    return SwitchOptions(
        json=None if args.no_p4 else args.json,
        p4info=None if args.no_p4 else args.p4info,
        device_id=args.device_id,
        ports=tuple(ports),
        address=args.grpc_server_addr,
        cpu_port=args.cpu_port or None,
        drop_port=args.drop_port,
        priorities=args.priority_queues,
        engine=args.engine,
        pcap_dir=args.pcap,
        log_console=args.log_console,
        log_file=args.log_file,
        log_level=args.log_level,
        ready_fd=args.ready_fd,
    )


def _parser() -> _Parser:
    parser = _Parser(
        prog="vmto switch",
        description="A P4Runtime switch that runs bmv2 JSON.",
        epilog="Options of simple_switch_grpc that mean nothing here (--thrift-port ...) are accepted.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("json", nargs="?", type=Path, help="the program, as p4c-bm2-ss or `vmto p4c` writes it")
    add("--no-p4", action="store_true", help="start without a program: a controller will send one")
    add(
        "--p4info",
        type=Path,
        metavar="FILE",
        help="P4Info (text or binary): the program can be written to at once",
    )
    add("--device-id", type=_number(0, 2**64 - 1), default=0, metavar="N")
    add("-i", "--interface", action="append", default=[], metavar="PORT@IFACE", help="repeatable")
    add(
        "--port-delay",
        action="append",
        default=[],
        metavar="PORT=MS",
        help="delay of what leaves, repeatable",
    )
    add(
        "--port-rate",
        action="append",
        default=[],
        metavar="PORT=MBPS",
        help="rate of what leaves, repeatable",
    )
    add("--grpc-server-addr", default=DEFAULT_ADDRESS, metavar="HOST:PORT", help="or unix:PATH (%(default)s)")
    add(
        "--cpu-port",
        type=_number(0, 511),
        default=0,
        metavar="PORT",
        help="packets to the controller leave here",
    )
    add("--drop-port", type=_number(0, 511), default=511, metavar="PORT", help="(%(default)s)")
    add(
        "--priority-queues",
        type=_number(1, 8),
        default=1,
        metavar="N",
        help="packets may have priorities below N, others are dropped (%(default)s); all are sent in turn",
    )
    add("--engine", choices=("native", "reference"), default="native", help="(%(default)s)")
    add("--pcap", type=Path, metavar="DIR", help="capture every interface; --pcap=DIR, or --pcap for here")
    add("--log-console", action="store_true")
    add("--log-file", type=Path, metavar="NAME", help="to NAME.txt")
    add("-L", "--log-level", choices=LOG_LEVELS, default="info", help="(%(default)s)")
    add("--ready-fd", type=_number(0, 2**20), metavar="N", help="write a line there when P4Runtime is served")
    for option in ("--grpc-server-ssl", "--grpc-server-with-client-auth"):
        add(option, action="store_true", help=argparse.SUPPRESS)
    add("-v", "--version", action="version", version=VERSION)
    for option in _IGNORED_WITH_VALUE:
        add(option, help=argparse.SUPPRESS)
    for option in _IGNORED:
        add(option, action="store_true", help=argparse.SUPPRESS)
    return parser


def _prepared(argv: list[str]) -> list[str]:
    """Without bare `--`; `--pcap` alone means the current directory, as it takes its value after `=` only."""
    return ["--pcap=." if arg == "--pcap" else arg for arg in argv if arg != "--"]


def _number(low: int, high: int) -> type[int]:
    def number(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not in {low} ... {high}")
        return value

    return number  # type: ignore[return-value]


def _interfaces(items: list[str]) -> dict[int, str]:
    """Interface names by port."""
    interfaces: dict[int, str] = {}
    for item in items:
        port_text, at, name = item.partition("@")
        if not at or not port_text.isdigit() or not name or int(port_text) > 510:
            raise UsageError(f"-i {item}: write PORT@IFACE, as in 1@s1-eth1, with a port of 0 ... 510")
        port = int(port_text)
        if port in interfaces:
            raise UsageError(f"-i {item}: port {port} has {interfaces[port]} already")
        interfaces[port] = name
    return interfaces


def _per_port(option: str, items: list[str]) -> dict[int, float]:
    """PORT=VALUE options."""
    values: dict[int, float] = {}
    for item in items:
        port, _, text = item.partition("=")
        try:
            values[int(port)] = float(text)
            if not 0 <= float(text) < 1e6:
                raise ValueError
        except ValueError:
            raise UsageError(f"{option} {item}: write PORT=NUMBER, as in 1=2.5") from None
    return values
