"""Actions that are due: done, their results recorded, and those that failed put off or given up."""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import timedelta
from time import perf_counter

import httpx

import assay

from .models import Event, Job, ResultStatus
from .options import Options
from .queries import action_jobs, action_results, events
from .telling import Outcome, tell

TOGETHER = 10
"""Actions that a worker does at once."""
LONGEST_PAUSE = timedelta(hours=1)

_log = logging.getLogger("erc8004.acting")


def make_client(options: Options) -> httpx.AsyncClient:
    """The client that actions are done with; it takes no settings from the environment, such as proxies."""
    limits = httpx.Limits(max_connections=4 * TOGETHER, max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=options.action_timeout, limits=limits, trust_env=False)


async def act_all(pool: assay.Pool, client: httpx.AsyncClient, options: Options) -> int:
    """Do what is due now, a few at once; how many attempts were made."""
    # A job whose worker dies is due again when every attempt must be over.
    lease = timedelta(seconds=3 * options.action_timeout + 30)
    jobs = await action_jobs.take(pool, TOGETHER, lease)
    await asyncio.gather(*(_attempt(pool, client, options, job) for job in jobs))
    return len(jobs)


async def _attempt(pool: assay.Pool, client: httpx.AsyncClient, options: Options, job: Job) -> None:
    event = await events.by_key(pool, job.event_id, job.event_created_at)
    began = perf_counter()
    if event is None:
        outcome = Outcome(done=False, error="the event is gone: its chunk was dropped")
    else:
        outcome = await _told(pool, client, options, job, event)
    await _conclude(pool, options, job, outcome, round((perf_counter() - began) * 1000))


async def _told(pool: assay.Pool, client: httpx.AsyncClient, options: Options, job: Job, event: Event) -> Outcome:
    """The attempt, ended when it takes too long in all: a target may send its answer byte by byte."""
    try:
        async with asyncio.timeout(3 * options.action_timeout):
            return await tell(pool, client, options, job, event)
    except TimeoutError:
        return Outcome(done=False, again=True, error="the target took too long")
    except assay.Error:
        raise
    except Exception as error:
        # One action that nobody foresaw must not keep the others from being done.
        _log.exception("job %s cannot be done", job.id)
        return Outcome(done=False, error=f"the action could not be done: {type(error).__name__}")


async def _conclude(pool: assay.Pool, options: Options, job: Job, outcome: Outcome, duration_ms: int) -> None:
    """Record the attempt, and put the job off or take it away, both or neither."""
    status = _status(outcome, job.attempts + 1, options.action_attempts)
    async with pool.transaction() as transaction:
        await action_results.record(
            transaction,
            job_id=job.id,
            trigger_id=job.trigger_id,
            event_id=job.event_id,
            event_created_at=job.event_created_at,
            action_type=job.action_type,
            status=status,
            duration_ms=duration_ms,
            error_message=outcome.error.replace("\0", "") if outcome.error else None,
            response_data=outcome.response,
            retry_count=job.attempts,
        )
        if status == "retrying":
            await action_jobs.put_off(transaction, job.id, pause(options.action_backoff, job.attempts))
        else:
            await action_jobs.remove(transaction, job.id)
    facts = {"job": str(job.id), "action": job.action_type, "status": status, "ms": duration_ms}
    _log.info("%s: %s", job.action_type, status, extra=facts)


def _status(outcome: Outcome, attempts: int, allowed: int) -> ResultStatus:
    if outcome.done:
        return "success"
    return "retrying" if outcome.again and attempts < allowed else "failed"


def pause(backoff: float, attempts: int) -> timedelta:
    """How long to wait after so many attempts, before the one that just failed: twice as long each time, from 75 to
    125 per cent of that, so that what failed together does not come back together.
    """
    seconds = min(backoff * 2.0 ** min(attempts, 30), LONGEST_PAUSE.total_seconds())
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311 - nothing secret
