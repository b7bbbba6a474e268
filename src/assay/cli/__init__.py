"""The command line: one file a command, imported when it is called."""

from __future__ import annotations

import atexit
import gc
import sys

from assay._version import __version__


def main() -> None:
    """Run the command line and exit: 0 when all is well, 1 on findings, 2 on misuse or a failed run."""
    if sys.argv[1:] == ["--version"]:
        print(f"assay {__version__}")
        return
    from assay.cli.root import run

    atexit.register(gc.freeze)  # Python looks through all that is left at its end, which takes it 20 milliseconds
    run()
