"""Keys for agents' tokens: ``python -m backends.erc8004.keys new`` makes one, ``renew`` puts the first to use.

To change the key: put a new one before the old in TOKEN_KEYS, restart, run ``renew``, and remove the old one.
"""

from __future__ import annotations

import argparse
import asyncio

from cryptography.fernet import Fernet

import assay

from ..common.database import service_pool
from .options import Options, load
from .sealing import renew_all
from .troubleshooting import explained


def main(arguments: list[str] | None = None) -> None:
    """Run the command; the process ends with 2 when it fails."""
    parser = argparse.ArgumentParser(prog="python -m backends.erc8004.keys", description=__doc__)
    parser.add_argument("command", choices=["new", "renew"])
    match parser.parse_args(arguments).command:
        case "new":
            print(Fernet.generate_key().decode())  # noqa: T201 - what the command is for
        case _:
            try:
                print(f"{asyncio.run(_renew(load()))} tokens encrypted anew")  # noqa: T201
            except assay.Error as error:
                parser.exit(2, f"{explained(error)}\n")


async def _renew(options: Options) -> int:
    async with service_pool(options.service) as pool:
        return await renew_all(pool, options.seal)


if __name__ == "__main__":
    main()
