"""Looks at all members of a pool, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from assay.errors import PoolClosed, UsageError
from assay.runtime.forks import keep_from_children
from assay.runtime.replicas.member import Member
from assay.runtime.replicas.outlook import LEAST_PAUSE, LOST_PATIENCE, Outlook, gathered
from assay.runtime.replicas.sighting import Sighting
from assay.runtime.replicas.topology import Bounds, Topology


class Watch:
    """Keeps the topology of a pool up to date.

    One task looks; whoever needs to know that nothing has changed waits for a look that began after the question.
    """

    def __init__(
        self, members: Sequence[Member], bounds: Bounds, every: float, seen: Callable[[Topology], None]
    ) -> None:
        self._members = members
        self._outlook = Outlook(members, bounds)
        self._every = every
        self._seen = seen
        """Told of the topology after each look."""
        self._begun = 0
        """How many looks have begun, and below, how many are over."""
        self._over = 0
        self._woken = asyncio.Event()
        self._round_over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        keep_from_children(self)

    @property
    def topology(self) -> Topology:
        """The members by the last look."""
        return self._outlook.topology

    def start(self) -> None:
        """Begin to look; raises PoolClosed when it has begun before."""
        if self._begun:
            raise PoolClosed("The pool was opened before; a pool is opened once")
        self._task = asyncio.get_running_loop().create_task(self._keep_looking())

    async def stop(self) -> None:
        """Look no more; raises UsageError in another event loop than the pool's."""
        if self._task is None:
            return
        if self._task.get_loop() is not asyncio.get_running_loop():
            raise UsageError("The pool was opened in another event loop; close it there")
        self._task.cancel()
        await asyncio.wait([self._task])

    def disown(self) -> None:
        """Leave the looking to the parent, in a child that was forked."""
        self._task = None

    def wake(self) -> None:
        """Look soon: something happened."""
        self._woken.set()

    async def fresh(self) -> Topology:
        """The topology by a look that began after this call."""
        wanted = self._begun + 1
        self.wake()
        while self._over < wanted:
            if self._task is None or self._task.done():
                raise PoolClosed("The pool was closed while this task waited for a look at its members")
            await self._round_over.wait()
        return self.topology

    async def _keep_looking(self) -> None:
        try:
            while True:
                self._woken.clear()
                await self._look()
                await asyncio.sleep(LEAST_PAUSE)
                await self._pause()
        finally:
            self._round_over.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._every - LEAST_PAUSE):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _look(self) -> None:
        self._begun += 1
        now = monotonic()
        self._seen(self._outlook.update(await self._see(), now))
        self._over = self._begun
        over, self._round_over = self._round_over, asyncio.Event()
        over.set()

    async def _see(self) -> list[Sighting | str]:
        """What each member is; one that has not answered before does not keep the others waiting."""
        late = {member for member in self._members if member.is_being_looked_at}
        lost = {member for member in self._members if member.missed}
        looks = {member: member.look_soon() for member in self._members}
        for members, patience in ((looks.keys() - lost, None), (lost, LOST_PATIENCE)):
            if members:
                await asyncio.wait([looks[member] for member in members], timeout=patience)
        seen, again = gathered(self._members, looks, late)
        if again:
            self.wake()
        return seen
