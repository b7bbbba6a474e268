"""What a program run for a backup leaves when it is cancelled: nothing, at any moment, even if it does not obey."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.fixtures.servers import eventually, python

from assay.ops.backup.programs import Heard, output_of, running

TALKER = "while :; do echo a line that nobody will read to its end; done"
COMPLAINER = "while :; do echo a line that is told >&2; done"
STUBBORN = "trap '' TERM; while :; do sleep 0.1; done"
SH = Path("/bin/sh")


async def _talk(told: Path, script: str = TALKER, heard: Heard | None = None) -> None:
    arguments = ["-c", f"echo $$ >> {told}; {script}"]
    async with running(SH, None, arguments, heard=heard, piped=True) as process:
        assert process.stdout is not None
        while await process.stdout.read(1 << 16):
            pass


async def _cancelled(task: asyncio.Task[None], told: Path) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(asyncio.CancelledError):
            await task
        while _left(told):
            await asyncio.sleep(0.01)


async def _begun(told: Path) -> None:
    async with asyncio.timeout(20):
        while not _left(told):
            await asyncio.sleep(0.01)


def _left(told: Path) -> list[str]:
    """The programs that still run; whoever their parent is now takes a moment to bury them."""
    started = told.read_text().split() if told.exists() else []
    return [one for one in started if Path(f"/proc/{one}").exists()]


@pytest.mark.parametrize("steps", [*range(12), 20, 50, 200])
async def test_a_program_cancelled_at_any_step_of_the_loop_ends(steps: int, tmp_path: Path) -> None:
    task = asyncio.create_task(_talk(told := tmp_path / "told"))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await _cancelled(task, told)


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 20])
async def test_a_second_cancellation_leaves_nothing_either(steps: int, tmp_path: Path) -> None:
    task = asyncio.create_task(_talk(told := tmp_path / "told"))
    await _begun(told)
    task.cancel()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await _cancelled(task, told)


async def test_a_program_that_ignores_sigterm_is_killed_when_it_is_cancelled_and_when_this_process_is(
    tmp_path: Path,
) -> None:
    """Both at once, for either takes the five seconds that a program is given."""
    of_ours, of_the_killed = tmp_path / "ours", tmp_path / "killed"
    code = """
import asyncio, sys
from pathlib import Path
from assay.ops.backup.programs import run_program
asyncio.run(run_program(Path("/bin/sh"), None, ["-c", sys.argv[1]]))
"""
    killed = python(code, f"echo $$ >> {of_the_killed}; {STUBBORN}")
    task = asyncio.create_task(_talk(of_ours, STUBBORN))
    await _begun(of_ours)
    await _begun(of_the_killed)
    killed.kill()
    killed.communicate()
    task.cancel()
    await _cancelled(task, of_ours)
    assert eventually(lambda: not _left(of_the_killed))


async def test_whoever_is_told_may_fail_and_the_program_ends_rather_than_wait_to_be_heard(tmp_path: Path) -> None:
    def heard(line: str) -> None:
        raise BrokenPipeError(line)

    async with asyncio.timeout(20):
        with pytest.raises(BrokenPipeError, match="a line that is told"):
            await _talk(told := tmp_path / "told", COMPLAINER, heard)
    assert eventually(lambda: not _left(told))


async def test_what_a_program_writes_is_read_whole() -> None:
    assert await output_of(SH, ["-c", "echo one; echo two >&2; echo three"]) == "one\nthree\n"
