"""Files that come with the testbed, whether it runs from a checkout or from an installed wheel."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def p4src() -> Path:
    """The folder of the P4 programs."""
    return _folder("p4src")


def topologies() -> Path:
    """The folder of the topologies that come along."""
    return _folder("topologies")


def topology_names() -> list[str]:
    """The topologies that come along."""
    return sorted(path.stem for path in topologies().glob("*.yaml"))


def topology(name: str) -> Path:
    """A topology file by path, or by the name of one that comes along. It need not exist."""
    path = Path(name)
    shipped = topologies() / (name if name.endswith(".yaml") else f"{name}.yaml")
    return shipped if not is_file(path) and is_file(shipped) else path


def is_file(path: Path) -> bool:
    """Is this a file, as far as one may look? `Path.is_file` raises for a folder that is closed to us."""
    try:
        return path.is_file()
    except OSError:
        return False


def _folder(name: str) -> Path:
    installed = _HERE / "data" / name
    return installed if installed.is_dir() else _HERE.parent / name
