"""The ``assay`` command, which finds its subcommands when they are called."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType

import click
from click.shell_completion import CompletionItem

from assay._version import __version__
from assay.cli.connecting import no_dotenv_option
from assay.cli.output import fail
from assay.errors import Error

COMMANDS = {
    "backup": "Make, check and restore backups.",
    "check": "Prove every query of the project.",
    "completions": "Print what completes commands in a shell.",
    "db": "Create, drop and reset the project's database.",
    "demo": "See Assay at work on five backends.",
    "describe": "What a statement takes and returns.",
    "explain": "What a rule of the check means.",
    "impact": "The queries that use a table or column.",
    "migrate": "Add, run, revert and list migrations.",
    "prepare": "Write the offline cache of proofs.",
    "schema": "Write out, compare, lint and document the schema; make models.",
    "seed": "Load the project's seeds.",
    "server": "Start, stop and look at the embedded server.",
    "stats": "Sizes, locks, slow statements and upkeep.",
}
"""Each command is the object ``command`` of the module ``assay.cli.NAME``; the text is its line in the list."""

OTHER_NAMES = {"database": "db", "mig": "migrate"}
"""Names that sqlx-cli has for commands; they are not listed."""


class Commands(click.Group):
    """A group that imports a subcommand only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        name = OTHER_NAMES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"assay.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names and options that begin like this, without importing a command."""
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V", message="assay %(version)s")
@no_dotenv_option
def command() -> None:
    """PostgreSQL for Python, every query proven before it runs."""


def run() -> None:
    """Run with the process's arguments; SIGTERM unwinds like Ctrl-C, so that locks and files are let go."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = command.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
    except Error as error:
        fail(error)
    sys.exit(result if isinstance(result, int) else 0)


def _terminate(signum: int, frame: FrameType | None) -> None:
    """Take SIGTERM for Ctrl-C, whose handler an event loop has put where no callback is cut in two."""
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        # Started in the background by a shell that keeps Ctrl-C from it.
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)
