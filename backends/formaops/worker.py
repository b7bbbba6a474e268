"""``python -m backends.formaops.worker`` runs executions until SIGTERM or Ctrl-C.

What it has in hand then is finished, or given back when that takes longer than a run may take. What a worker that was
killed had in hand is given back by the others.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress

import httpx

import assay

from ..common.database import service_pool
from ..common.logs import log_to
from .options import Options, load
from .queries import executions
from .running import Model, model_at, run

_log = logging.getLogger("backends.formaops.worker")


async def work(options: Options, stop: asyncio.Event) -> int:
    """Run executions until told to stop; how many were run."""
    limit = options.run_timeout.total_seconds()
    async with service_pool(options.service) as pool, httpx.AsyncClient(timeout=limit, trust_env=False) as client:
        model = model_at(client, options)
        lanes = [asyncio.create_task(lane(pool, model, options, stop)) for _ in range(options.workers)]
        return sum(await asyncio.gather(*lanes))


async def lane(pool: assay.Pool, model: Model, options: Options, stop: asyncio.Event) -> int:
    """Run one execution after the other until told to stop; how many were run."""
    done = 0
    while not stop.is_set():
        try:
            done += await _next(pool, model, options, stop)
        except assay.Error as error:
            _log.warning("%s; trying again in %g s", error, options.poll)
            await _pause(stop, options.poll)
    return done


async def _next(pool: assay.Pool, model: Model, options: Options, stop: asyncio.Event) -> int:
    claimed = await executions.claim(pool)
    if claimed is None:
        freed = await executions.give_back_abandoned(pool, 2 * options.run_timeout)
        if not freed:
            await _pause(stop, options.poll)
        return 0
    noted = await run(pool, model, claimed, options.run_timeout.total_seconds())
    _log.info("ran an execution", extra={"execution": claimed.id, "noted": noted})
    return int(noted)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def main() -> None:
    """Work until a signal says otherwise."""
    options = load()
    log_to(level=options.service.log_level)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    done = await work(options, stop)
    _log.info("stopped", extra={"executions": done})


if __name__ == "__main__":
    asyncio.run(main())
