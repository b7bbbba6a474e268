"""``assay completions``: the script that completes commands in a shell."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from assay.cli.output import format_option, write_json

_PROGRAM = "assay"
_VARIABLE = "_ASSAY_COMPLETE"
"""The variable that click asks for completions by; it is made of the program's name."""


class _Bash(BashComplete):
    """Bash's script as it is; whether a bash on this machine is new enough is not looked at."""

    def source(self) -> str:
        return ShellComplete.source(self)


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@format_option()
def command(shell: str, output_format: str) -> None:
    """Print a script with which a shell completes the commands and options of assay.

    For this session: eval "$(assay completions bash)", the same with zsh, or assay completions fish | source. For every
    one: write it to ~/.local/share/bash-completion/completions/assay, to _assay in a folder of zsh's $fpath, or to
    ~/.config/fish/completions/assay.fish. Bash must be 4.4 or newer.
    """
    root = click.get_current_context().find_root().command
    script = _SHELLS[shell](root, {}, _PROGRAM, _VARIABLE).source()
    if output_format == "json":
        write_json({"shell": shell, "script": script})
    else:
        print(script)
