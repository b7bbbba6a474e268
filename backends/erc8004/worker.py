"""The worker: ``python -m backends.erc8004.worker`` reads events, matches them, and does what triggers ask for.

Any number of workers share the work. SIGTERM and Ctrl-C end one gracefully: what it is doing is finished, nothing new
is begun, and it exits with 0. One that is killed leaves nothing half done: what it had not committed is done again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import assay

from ..common.database import service_pool
from ..common.logs import log_to
from . import acting, following, matching
from .ingest import add_batch
from .options import Options, load
from .queries import action_jobs, checkpoints, events
from .source import Source
from .troubleshooting import explained

POLL = 5.0
"""Seconds after which a worker looks for work that it heard nothing of."""
MAINTENANCE = 3600.0
"""Seconds between looks at the chunks of events."""
RETRY = 1.0
"""Seconds before work is taken up again, after the server was away."""

PASSING: tuple[type[assay.Error], ...] = (*following.AWAY, assay.DeadlockDetected)

_log = logging.getLogger("erc8004.worker")


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker on a pool; ``stop`` ends it."""

    pool: assay.Pool
    options: Options
    stop: asyncio.Event
    wake: asyncio.Event
    """Set when there may be events to match."""

    async def run(self, file: Path | None) -> None:
        """Work until ``stop`` is set; read events from a file, too, where one is given."""
        listening = asyncio.create_task(self._keep(self._listen))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep(self._maintain))
                group.create_task(self._keep(self._match))
                group.create_task(self._keep(self._act))
                if file is not None:
                    group.create_task(self._keep(lambda: self._ingest(file, follow=True)))
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def drain(self, file: Path | None) -> None:
        """Read a file to its end, match and do all that is due, and return."""
        await self._ensure_chunks()
        if file is not None:
            await self._ingest(file, follow=False)
        while not self.stop.is_set() and await matching.match_all(self.pool):
            pass
        async with acting.make_client(self.options) as client:
            while not self.stop.is_set() and await acting.act_all(self.pool, client, self.options):
                pass

    async def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do a kind of work until it ends or ``stop`` is set; take it up again after what passes."""
        while not self.stop.is_set():
            try:
                await work()
                return
            except PASSING as error:
                _log.warning("taken up again in a moment: %s", error)
                await self._pause(RETRY)

    async def _ingest(self, file: Path, *, follow: bool) -> None:
        known = {one.chain_id: one.last_block_number for one in await checkpoints.all_chains(self.pool)}
        async for batch in Source(file, known).batches(follow=follow, stop=self.stop):
            added = await add_batch(self.pool, batch, keep=self.options.retention)
            facts = {"chain": batch.chain_id, "block": batch.block_number, "added": added}
            _log.info("chain %d is at block %d", batch.chain_id, batch.block_number, extra=facts)
            self.wake.set()

    async def _match(self) -> None:
        while not self.stop.is_set():
            self.wake.clear()
            if not await matching.match_all(self.pool):
                await self._wait(self.wake, POLL)

    async def _act(self) -> None:
        async with acting.make_client(self.options) as client:
            while not self.stop.is_set():
                if not await acting.act_all(self.pool, client, self.options):
                    seconds = await action_jobs.seconds_to_next(self.pool)
                    await self._pause(min(max(seconds if seconds is not None else 1.0, 0.05), 1.0))

    async def _maintain(self) -> None:
        while not self.stop.is_set():
            await self._ensure_chunks()
            dropped = await self._drop_chunks()
            if dropped:
                _log.info("dropped %d chunks of old events", dropped)
            await self._pause(MAINTENANCE)

    async def _drop_chunks(self) -> int:
        """Drop chunks that are old; none while somebody reads for long, since everybody else would wait behind it."""
        try:
            async with self.pool.transaction(lock_timeout=5.0) as transaction:
                return await events.drop_chunks(transaction, self.options.retention)
        except assay.LockNotAvailable:
            return 0

    async def _ensure_chunks(self) -> None:
        now = datetime.now(UTC)
        await events.ensure_chunks(self.pool, now, now + self.options.chunks_ahead)

    async def _listen(self) -> None:
        async with self.pool.listen(following.CHANNEL) as heard:
            async for _ in heard:
                self.wake.set()

    async def _pause(self, seconds: float) -> None:
        await self._wait(self.stop, seconds)

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for an event, or for ``stop``, so long at most."""
        waits = [asyncio.create_task(one.wait()) for one in {event, self.stop}]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def work(options: Options, file: Path | None, *, once: bool) -> None:
    """Find the database, apply pending migrations, and work until a signal comes or, with ``once``, all is done."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with service_pool(options.service) as pool:
        worker = Worker(pool, options, stop, asyncio.Event())
        _log.info("the worker has begun")
        await (worker.drain(file) if once else worker.run(file))
    _log.info("the worker has ended")


def main(arguments: list[str] | None = None) -> None:
    """Run the worker; the process ends with 2 when it cannot go on, and says why."""
    parser = argparse.ArgumentParser(prog="python -m backends.erc8004.worker", description=__doc__)
    parser.add_argument(
        "--events", type=Path, metavar="FILE", help="a file of JSON lines to read, and to follow as it grows"
    )
    parser.add_argument("--once", action="store_true", help="do what there is to do, and end")
    given = parser.parse_args(arguments)
    try:
        options = load()
        log_to(level=options.service.log_level)
        asyncio.run(work(options, given.events, once=given.once))
    except assay.Error as error:
        parser.exit(2, f"{explained(error)}\n")
    except BaseExceptionGroup as group:
        errors, others = group.split(assay.Error)
        if others is not None or errors is None:
            raise
        parser.exit(2, "".join(f"{explained(error)}\n" for error in _leaves(errors)))


def _leaves(group: BaseExceptionGroup[assay.Error]) -> list[assay.Error]:
    found: list[assay.Error] = []
    for one in group.exceptions:
        found.extend(_leaves(one) if isinstance(one, BaseExceptionGroup) else [one])
    return found


if __name__ == "__main__":
    main()
