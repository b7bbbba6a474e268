"""How long a fresh interpreter takes until Assay is there, beside one that does nothing and one with the driver."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
from time import perf_counter

from assay.config import DatabaseUrl

ROUNDS = 20
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "assay --version": ("-m", "assay", "--version"),
    "import asyncpg": ("-c", "import asyncpg"),
    "import assay": ("-c", "import assay"),
    "import assay; assay.Pool": ("-c", "import assay; assay.Pool"),
}
BUDGETS = (
    ("assay --version", "python -c pass", "budget 3 x"),
    ("import assay", "import asyncpg", "budget 1.3 x"),
    ("import assay; assay.Pool", "import asyncpg", ""),
)


async def main(server: DatabaseUrl) -> None:
    """Start each interpreter in turn and in random order; the server is not needed."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    order = [*COMMANDS]
    for name in order:
        await _run(name)
    for _ in range(ROUNDS):
        random.shuffle(order)
        for name in order:
            taken[name].append(await _run(name))
    print("\nStarting")
    for name, times in taken.items():
        print(f"  {name:<26}  {statistics.median(times) * 1e3:>6.1f} ms")
    for name, base, budget in BUDGETS:
        ratio = statistics.median(a / b for a, b in zip(taken[name], taken[base], strict=True))
        print(f"  {name} takes {ratio:.2f} x the time of {base}  {budget}".rstrip())


async def _run(name: str) -> float:
    """Seconds from start to end."""
    started = perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, *COMMANDS[name], stdout=asyncio.subprocess.DEVNULL)
    if await process.wait():
        sys.exit(f"{name} failed")
    return perf_counter() - started
