"""Contenders measured in turn and in random order, so that what slows the machine slows them all."""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter, process_time

Contender = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Result:
    """One contender's times."""

    name: str
    median: float
    """Seconds for one piece of work."""
    ratio: float
    """The median of its times divided by the first contender's in the same round."""
    work: float
    """The same ratio of the processor's time that this process took: it says more on a machine that is busy."""


async def measure(contenders: Mapping[str, Contender], *, rounds: int, pieces: int) -> list[Result]:
    """Time each contender once a round, after one call that is not timed.

    Its time ends when its result has been kept for a turn of the event loop, and let go: garbage collection that is
    due by then, and freeing what the loop still held, is not paid by whoever is next.

    Args:
        contenders: by name; the first is what the others are compared with. One call does all pieces of work.
        rounds: how often.
        pieces: how many pieces of work one call does.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    worked: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        await contender()
    order = list(contenders.items())
    for _ in range(rounds):
        random.shuffle(order)
        for name, contender in order:
            gc.collect()
            started, busy = perf_counter(), process_time()
            result = await contender()
            await asyncio.sleep(0)
            del result
            worked[name].append(process_time() - busy)
            taken[name].append(perf_counter() - started)
    first = next(iter(contenders))
    return [
        Result(
            name,
            statistics.median(taken[name]) / pieces,
            _ratio(taken[name], taken[first]),
            _ratio(worked[name], worked[first]),
        )
        for name in contenders
    ]


def show(title: str, results: list[Result], budgets: Mapping[str, str]) -> None:
    """Print a table: medians in microseconds, ratios of time and of work, and the budget where there is one."""
    print(f"\n{title}")
    width = max(len(result.name) for result in results)
    print(f"  {'':<{width}}  {'median':>13}  {'time':>8}  {'work':>8}")
    for result in results:
        numbers = f"{result.median * 1e6:>10.1f} µs  {result.ratio:>6.2f} x  {result.work:>6.2f} x"
        print(f"  {result.name:<{width}}  {numbers}  {budgets.get(result.name, '')}".rstrip())


def _ratio(own: list[float], first: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(own, first, strict=True))
