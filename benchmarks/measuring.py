"""Contenders measured in turn and in random order, so that what slows the machine slows them all."""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

Contender = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Result:
    """One contender's times."""

    name: str
    median: float
    """Seconds for one piece of work."""
    ratio: float
    """The median of its times divided by the first contender's in the same round."""


async def measure(contenders: Mapping[str, Contender], *, rounds: int, pieces: int) -> list[Result]:
    """Time each contender once a round, after one call that is not timed.

    Args:
        contenders: by name; the first is what the others are compared with. One call does all pieces of work.
        rounds: how often.
        pieces: how many pieces of work one call does.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        await contender()
    order = list(contenders.items())
    for _ in range(rounds):
        random.shuffle(order)
        for name, contender in order:
            gc.collect()
            started = perf_counter()
            await contender()
            times[name].append((perf_counter() - started) / pieces)
    first = times[next(iter(times))]
    return [
        Result(name, statistics.median(own), statistics.median(a / b for a, b in zip(own, first, strict=True)))
        for name, own in times.items()
    ]


def show(title: str, results: list[Result], budgets: Mapping[str, str]) -> None:
    """Print a table: medians in microseconds, ratios, and the budget where there is one."""
    print(f"\n{title}")
    width = max(len(result.name) for result in results)
    for result in results:
        budget = budgets.get(result.name, "")
        print(f"  {result.name:<{width}}  {result.median * 1e6:>10.1f} µs  {result.ratio:>6.2f} x  {budget}".rstrip())
