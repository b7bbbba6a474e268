"""Work in a process of its own: what comes back from it."""

from __future__ import annotations

import subprocess
import sys

HEAD = """\
import os, pathlib, time
from assay.errors import ServerError
from assay.proof.apart import apart
"""


def run(code: str) -> tuple[int, str, str]:
    """Run a script, which is the only thread of its process, as a command is."""
    done = subprocess.run([sys.executable, "-c", HEAD + code], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_what_the_work_returns_comes_back_however_large() -> None:
    assert run("print(len(apart(lambda guard, told: 'x' * 20_000_000, 0)))") == (0, "20000000\n", "")


def test_progress_comes_at_its_time_and_to_its_end() -> None:
    code, out, err = run(
        "def work(guard, told):\n"
        "    for n in range(1, 1001): told(n, 1000)\n"
        "    print('not seen')\n"
        "seen = []\n"
        "apart(work, 0, lambda *step: seen.append(step))\n"
        "print(seen[0], seen[-1], len(seen) < 100)\n"
    )
    assert (code, out, err) == (0, "(1, 1000) (1000, 1000) True\n", "")


def test_an_error_of_assays_is_raised_with_its_words() -> None:
    code, out, err = run(
        "def work(guard, told): raise ServerError('no \\udce9 server')\n"
        "try: apart(work, 0)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    assert (code, out, err) == (0, "ProofError no \\udce9 server\n", "")


def test_any_other_error_comes_with_its_trace() -> None:
    code, _, err = run("def work(guard, told): 1 / 0\napart(work, 0)\n")
    assert code == 1
    assert "ZeroDivisionError: division by zero" in err
    assert "the process that does the work failed" in err


def test_an_end_outside_of_the_projects_code_is_an_error() -> None:
    code, out, _ = run(
        "def work(guard, told): os._exit(3)\n"
        "try: apart(work, 0)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    assert code == 0
    assert out.startswith("ProofError The process that imports the project's modules could not go on: it ended")


def test_work_is_not_begun_again_without_end() -> None:
    code, out, _ = run(
        "begun = pathlib.Path(f'/tmp/{os.getpid()}.begun')\n"
        "def work(guard, told):\n"
        "    begun.open('a').write('x')\n"
        "    with guard.running(pathlib.Path(f'/p/{begun.stat().st_size}.py')): os._exit(0)\n"
        "try: apart(work, 0)\n"
        "except Exception as error: print(type(error).__name__, begun.stat().st_size)\n"
        "finally: begun.unlink()\n"
    )
    assert (code, out) == (0, "ProofError 21\n")


def test_what_was_lost_is_not_run_again() -> None:
    code, out, err = run(
        "def work(guard, told):\n"
        "    try:\n"
        "        with guard.running(pathlib.Path('/p/a.py')): os._exit(4)\n"
        "    except ImportError as error: return str(error)\n"
        "print(apart(work, 0))\n"
    )
    assert (code, out, err) == (0, "it ended the process, with exit status 4\n", "")
