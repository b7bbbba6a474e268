"""The members of a pool: made, opened, admitted, followed and cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from assay.config import DatabaseUrl
from assay.runtime.connecting import DriverConnection
from assay.runtime.replicas.looking import look
from assay.runtime.replicas.member import Member, MemberPool
from assay.runtime.replicas.membership import Membership, refuse_twice
from assay.runtime.replicas.options import Replicas
from assay.runtime.replicas.primary import Primary
from assay.runtime.replicas.proven import ReadOnlySet
from assay.runtime.replicas.readers import Readers
from assay.runtime.replicas.watch import Watch


class Roster(Membership[Member, MemberPool]):
    """The members, of which one is the primary, and whoever lends sessions of the right ones."""

    def __init__(
        self,
        urls: Sequence[str | DatabaseUrl | None],
        replicas: Replicas,
        proofs: ReadOnlySet | None,
        options: dict[str, Any],
        adopted: Callable[[MemberPool], None],
    ) -> None:
        super().__init__(urls, proofs, options, adopted)
        self.members = tuple(Member(number, self._make_pool) for number in range(len(urls)))
        refuse_twice(self.members)
        self.watch = Watch(self.members, self._bounds(replicas), replicas.check_every, self._seen)
        self._choice = self.readers = Readers(replicas)
        self.adopted = self.members[0]
        reserve = self.adopted.next_pool.reserve
        self._lender = self.primary = Primary(reserve, self.watch, lambda: self._why(self.watch.topology))
        self._tell(self.adopted.next_pool)
        self._closing: set[asyncio.Task[None]] = set()

    def _make_pool(self, number: int) -> MemberPool:
        options = self._options_of(number)
        return MemberPool(self._urls[number], lambda driver: self.admit(self.members[number], driver), options)

    async def open(self) -> None:
        """After looking has begun, open a pool on every member that is of use; replicas may come later.

        Raises ConfigurationError for a server that is no copy of the primary, ConnectionFailed where there is none,
        and what opening raises.
        """
        primary = self._found(await self.watch.fresh())
        await primary.open_soon()
        await asyncio.gather(*(member.open_soon() for member in self._used()), return_exceptions=True)
        await self.watch.fresh()
        self.primary.running = True

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - a deadline for others, not for this call
        """Close everything; connections still in use after the timeout are cut."""
        await self.watch.stop()
        self.primary.running = False
        await asyncio.gather(*(member.close(timeout) for member in self.members))
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def admit(self, member: Member, driver: DriverConnection) -> None:
        """Refuse a connection that leads elsewhere than it ought to."""
        one = await look(driver)
        if self._takes_writes(member, one, self.watch.topology):
            self._confirm(member, one, await self.watch.fresh())

    def _end_connections(self, member: Member) -> None:
        task = asyncio.get_running_loop().create_task(member.cut_off())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
