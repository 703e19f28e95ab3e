"""The request that processors stay awake."""

from __future__ import annotations

from pathlib import Path

from testbed.awake import awake


def test_it_is_made_and_taken_back(tmp_path: Path) -> None:
    device = tmp_path / "cpu_dma_latency"
    device.touch()

    def holders() -> list[str]:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return [link.name for link in links if link.exists() and link.resolve() == device]

    with awake(device) as granted:
        assert granted
        assert device.read_bytes() == bytes(4)
        assert len(holders()) == 1
    assert holders() == []


def test_where_there_is_no_such_device_nothing_is_asked(tmp_path: Path) -> None:
    with awake(tmp_path / "none") as granted:
        assert not granted
