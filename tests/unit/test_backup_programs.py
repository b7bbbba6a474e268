"""What a program run for a backup leaves when it is cancelled: nothing, at any moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from assay.ops.backup.programs import running

TALKER = "while :; do echo a line that nobody will read to its end; done"


async def _talk(told: Path) -> None:
    arguments = ["-c", f"echo $$ >> {told}; {TALKER}"]
    async with running(Path("/bin/sh"), None, arguments, piped=True) as process:
        assert process.stdout is not None
        while await process.stdout.read(1 << 16):
            pass


@pytest.mark.parametrize("steps", [*range(12), 20, 50, 200])
async def test_a_program_cancelled_at_any_step_of_the_loop_ends(steps: int, tmp_path: Path) -> None:
    task = asyncio.create_task(_talk(told := tmp_path / "told"))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(20):
        with pytest.raises(asyncio.CancelledError):
            await task
        while _left(told):
            await asyncio.sleep(0.01)


def _left(told: Path) -> list[str]:
    """The programs that still run; whoever their parent is now takes a moment to bury them."""
    started = told.read_text().split() if told.exists() else []
    return [one for one in started if Path(f"/proc/{one}").exists()]
