"""The project's code kept from connecting to anything while it is imported.

A script without ``if __name__ == "__main__"`` does its work when it is imported, on whatever database the environment
names. Python tells of the connections that it makes itself (PEP 578), and what is raised there keeps them from being
made. libpq and libuv, which psycopg and uvloop use, are not heard of: the functions that lead to them are replaced,
and libpq is given settings that it refuses before it looks for a server
(https://www.postgresql.org/docs/current/libpq-envars.html).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

WORDS = "assay check lets no module connect while it is imported"

_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LIBPQ = ("PGREQUIREAUTH", "PGCHANNELBINDING", "PGGSSENCMODE", "PGTARGETSESSIONATTRS")
"""Each has a few values that libpq knows; of releases that do not know the first, the others are refused."""
_REACHES = {
    "psycopg.generators": ("", ("connect",)),
    "uvloop": ("Loop", ("create_connection", "create_unix_connection", "create_datagram_endpoint", "sock_connect")),
}
"""By the module, the class and the names of the functions that connect without Python's hearing of it."""


class Refused(ConnectionRefusedError):
    """Code of the project would have connected to something."""


class Unconnected:
    """Refuses connections, in this process, from now to its end.

    Args:
        active: says whether it is the project's code that runs. Threads that it started are always the project's.
    """

    def __init__(self, active: Callable[[], bool]) -> None:
        self._active = active
        self._own = threading.get_ident()

    def begin(self) -> None:
        """Hear from now on: there is no way back."""
        sys.addaudithook(self._heard)
        for name in _REACHES:
            if name in sys.modules:
                self.loaded(sys.modules[name])

    def loaded(self, module: ModuleType) -> None:
        """Close the ways out of a module that was just loaded."""
        owner, names = _REACHES.get(module.__name__, ("", ()))
        holder: Any = getattr(module, owner, None) if owner else module
        for name in names:
            connect = getattr(holder, name, None)
            if connect is not None:
                setattr(holder, name, self._guarded(connect))

    @contextmanager
    def closed(self) -> Iterator[None]:
        """While libpq, in this process and in those that it starts, connects to nothing."""
        before = {name: os.environ.get(name) for name in _LIBPQ}
        os.environ.update(dict.fromkeys(_LIBPQ, WORDS))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is not None:
                    os.environ[name] = value
                else:
                    os.environ.pop(name, None)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _EVENTS:
            self._refuse()

    def _refuse(self) -> None:
        if self._active() or threading.get_ident() != self._own:
            raise Refused(WORDS)

    def _guarded(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **named: Any) -> Any:
            self._refuse()
            return connect(*args, **named)

        return guarded


def is_refused(error: BaseException) -> bool:
    """Whether an error comes of a connection that was refused here, through others that it was raised from."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        with suppress(Exception):  # a class of the project's may have a text of its own that fails
            if isinstance(one, Refused) or WORDS in str(one):
                return True
        pending += [one.__cause__, one.__context__]
    return False
