"""Notifications (manual, SQL commands LISTEN and NOTIFY), on a connection that is opened again when it is lost."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import psycopg

from assay.errors import UsageError
from assay.runtime import listening as shared
from assay.runtime.listening import WORTH_ANOTHER, Gap, Heard, Inbox, check_listening, pause
from assay.runtime.sync.session import Session
from assay.sql.quoting import quote_identifier


class Listener:
    """The notifications of some channels, as they come: an iterator that waits for the next one.

    ::

        with pool.listen("job") as heard:
            run_all_jobs(pool)  # what was there before; from here on nothing is missed without a Gap
            for item in heard:
                match item:
                    case assay.Notification(payload=number):
                        run_job(pool, int(number))
                    case assay.Gap():
                        run_all_jobs(pool)

    What is said of :class:`assay.Listener` holds here too. It ends when it is closed: by its block, or by ``close()``
    from another thread.
    """

    __slots__ = ("_bell", "_channels", "_closed", "_inbox", "_keepalive", "_open", "_session", "_silent_since")

    def __init__(
        self,
        open_session: Callable[[], Session],
        channels: tuple[str, ...],
        *,
        limit: int,
        keepalive: float,
    ) -> None:
        self._session: Session | None = None
        self._bell: tuple[socket.socket, socket.socket] | None = None
        """What is written at one end wakes up the thread that waits at the other."""
        check_listening(channels, limit, keepalive)
        self._open = open_session
        self._channels = dict.fromkeys(channels)
        self._keepalive = keepalive
        self._inbox = Inbox(limit)
        self._closed = False
        self._silent_since = 0.0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Heard:
        while not self._closed:
            item = self._inbox.take()
            if item is not None:
                return item
            self._wait()
        self._leave()
        raise StopIteration

    def __enter__(self) -> Self:
        if self._closed or self._session is not None:
            raise UsageError("This listener has begun; call listen() again for another one")
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, and close the connection; doing so again does nothing."""
        self._closed = True
        if self._bell is not None:
            with suppress(OSError):
                self._bell[1].send(b"!")
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def __del__(self) -> None:
        if self._session is not None:
            self._session.close()
        self._leave()

    # --- the connection

    def _wait(self) -> None:
        """Wait for an item, or see to the connection."""
        session = self._session
        if session is None:
            self._connect()
        elif self._heard(session):
            pass
        elif session.is_closed:
            self._reconnect()
        else:
            woken = self._sleep(self._keepalive, session)
            if not woken and not self._closed:
                session.is_alive(shared.KEEPALIVE_TIMEOUT)
            self._silent_since = time.monotonic()

    def _heard(self, session: Session) -> bool:
        """Take the notifications that are there; whether there were any."""
        try:
            found = session.wire.notifications()
        except psycopg.Error:
            return False  # the connection is lost, or was closed by another thread
        for notify in found:
            channel, payload = notify.relname.decode(), notify.extra.decode()
            self._inbox.receive(None, notify.be_pid, channel, payload)
        return bool(found)

    def _sleep(self, seconds: float, session: Session | None = None) -> bool:
        """Wait until something comes, or this is closed; False when the seconds are over before."""
        if self._bell is None:
            self._bell = socket.socketpair()
        waiting = select.poll()
        waiting.register(self._bell[0], select.POLLIN)
        if session is not None:
            with suppress(psycopg.Error):
                waiting.register(session.driver.fileno(), select.POLLIN)
        return bool(waiting.poll(seconds * 1000))

    def _connect(self) -> None:
        session = self._open()
        try:
            for channel in self._channels:
                session.command(f"LISTEN {quote_identifier(channel)}")
        except BaseException:
            session.close()
            raise
        if self._closed:  # by another thread, in the meantime
            session.close()
            return
        self._session, self._silent_since = session, time.monotonic()

    def _reconnect(self) -> None:
        failures, lost_at = 0, self._silent_since
        while not self._closed:
            if self._sleep(pause(failures)):
                return  # closed in the meantime
            try:
                self._connect()
            except WORTH_ANOTHER:
                failures += 1
                continue
            self._inbox.items.appendleft(Gap("reconnected", seconds=time.monotonic() - lost_at))
            return

    def _leave(self) -> None:
        """Close what wakes it up."""
        bell, self._bell = self._bell, None
        for end in bell or ():
            end.close()
