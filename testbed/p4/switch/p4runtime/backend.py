"""The part of `target.Target` that the stores use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, Protocol, final

from testbed.p4.switch.p4runtime.errors import Code, RpcError
from testbed.p4.switch.target import Op, OpError


class Backend(Protocol):
    """An engine, or what stands in for it while a config is saved and not committed."""

    def apply(self, ops: Sequence[Op], *, atomic: bool = False) -> list[OpError | None]:
        """See `Target.apply`."""

    def read_counter(self, counter: int, start: int, count: int) -> list[tuple[int, int]]:
        """See `Target.read_counter`."""

    def read_register(self, register: int, start: int, count: int) -> list[int]:
        """See `Target.read_register`."""

    def ages(self, table: int, start: int, count: int) -> list[int]:
        """See `Target.ages`."""

    def release_digests(self, digest: int, samples: Sequence[bytes]) -> None:
        """See `Target.release_digests`."""


@final
class Suspended:
    """While an engine loads another program, the stores of the former one must not ask it anything."""

    def apply(self, ops: Sequence[Op], *, atomic: bool = False) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        raise RpcError(Code.UNAVAILABLE, "the pipeline config has changed")

    def read_counter(self, counter: int, start: int, count: int) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self.apply(())

    def read_register(self, register: int, start: int, count: int) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self.apply(())

    def ages(self, table: int, start: int, count: int) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self.apply(())

    def release_digests(self, digest: int, samples: Sequence[bytes]) -> None:
        """Samples of the former program are gone with it."""
