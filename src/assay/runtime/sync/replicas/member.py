"""A member of a pool: one server, what is known of it, and the connections to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed, Error
from assay.runtime.connecting import own_timeout
from assay.runtime.replicas.known import LOOK_TIMEOUT
from assay.runtime.replicas.membership import Connected
from assay.runtime.replicas.sighting import Sighting
from assay.runtime.sync.connecting import open_connection
from assay.runtime.sync.pool import Pool
from assay.runtime.sync.replicas.errands import Errand
from assay.runtime.sync.replicas.looking import look, replayed
from assay.runtime.sync.reserve import Reserve
from assay.runtime.sync.session import Session


class MemberPool(Pool):
    """Connections to one member, each of which is looked at before it is used."""

    __slots__ = ("_admit",)

    def __init__(
        self, url: DatabaseUrl | str | None, admit: Callable[[Session], None], options: dict[str, Any]
    ) -> None:
        super().__init__(url, **options)
        self._admit = admit

    @property
    def url(self) -> DatabaseUrl:
        """Of the member."""
        return self._url

    @property
    def reserve(self) -> Reserve:
        """The sessions."""
        return self._reserve

    def open_for_looking(self, timeout: float) -> Session:
        """A connection of the same kind that is not the pool's."""
        url, own = own_timeout(self._url, self._reserve.options.connect_timeout)
        timeout = timeout if own is None else min(own, timeout)
        return Session(open_connection(url, timeout=timeout, server_settings=self._settings))

    def _open_session(self) -> Session:
        session = super()._open_session()
        try:
            self._admit(session)
        except BaseException:
            session.close()
            raise
        return session


class Member(Connected[MemberPool]):
    """One server of a pool. It is looked at through a connection apart, so that a look never waits for a busy pool."""

    def __init__(self, number: int, make_pool: Callable[[int], MemberPool]) -> None:
        super().__init__(number, make_pool)
        self.listening: list[Session] = []
        """Connections that wait for notifications."""
        self._probe: Session | None = None
        self._talking = threading.Lock()
        """Held by the errand that uses the probe."""
        self._changing = threading.Lock()
        """Held for moments, in which errands are begun and the pool is put in place or taken away."""
        self._looking: Errand[Sighting | str] | None = None
        self._asking: Errand[int] | None = None
        self._opening: Errand[None] | None = None
        self._closed = False

    def count(self, *, answered: bool) -> None:
        """Note that a statement was answered as by a replica, or else that the primary has to run it."""
        with self._changing:
            self.answered += answered
            self.passed_on += not answered

    # --- looking

    @property
    def is_being_looked_at(self) -> bool:
        """Whether a look is under way."""
        return self._looking is not None and not self._looking.done()

    def look_soon(self) -> Errand[Sighting | str]:
        """What it is, or why that cannot be told, as a sentence's end; one look at a time."""
        if self._looking is None or self._looking.done():
            self._looking = Errand(self._look, "assay-pool-look")
        return self._looking

    def _look(self) -> Sighting | str:
        deadline = monotonic() + LOOK_TIMEOUT
        try:
            return self.was_seen(self._talk(self._see, deadline))
        except (Error, TimeoutError) as error:
            self._forget()
            return self.was_missed(error, LOOK_TIMEOUT)

    def _see(self, deadline: float) -> Sighting:
        """Look through the connection there is; when it has broken, through a new one."""
        kept = self._probe
        try:
            return look(self._connected(deadline), deadline)
        except ConnectionFailed:
            if self._probe is not kept or kept is None:
                raise
        self._forget()
        return look(self._connected(deadline), deadline)

    def ask(self) -> Errand[int]:
        """How far it has replayed by now; one question at a time serves all who ask."""
        with self._changing:
            if self._asking is None or self._asking.done():
                self._asking = Errand(self._ask, "assay-pool-question")
            return self._asking

    def _ask(self) -> int:
        try:
            deadline = monotonic() + LOOK_TIMEOUT
            self.replayed = self._talk(lambda until: replayed(self._connected(until), until), deadline)
        except (Error, TimeoutError):
            self._forget()
        return self.replayed

    def _talk(self, question: Callable[[float], Any], deadline: float) -> Any:
        """The answer to a question. Raises TimeoutError when it is not there in time."""
        if not self._talking.acquire(timeout=max(deadline - monotonic(), 0.0)):
            raise TimeoutError
        try:
            return question(deadline)
        finally:
            self._talking.release()

    def _connected(self, deadline: float) -> Session:
        if self._closed:
            raise ConnectionFailed("The pool was closed")
        if self._probe is None or self._probe.is_closed:
            self._probe = self.next_pool.open_for_looking(max(deadline - monotonic(), 0.01))
        return self._probe

    def _forget(self) -> None:
        self.replayed = 0
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.close()

    # --- its pool

    @property
    def holds_connections(self) -> bool:
        """Whether there is anything to cut off."""
        return self.pool is not None or bool(self.listening)

    def open_soon(self) -> Errand[None]:
        """Open its pool in a thread of its own, unless it is open; the errand raises what opening raises."""
        with self._changing:
            if self._opening is None or (self._opening.done() and self.pool is None):
                self._opening = Errand(self._open, "assay-pool-opening")
            return self._opening

    def _open(self) -> None:
        if self.pool is not None or self._closed:
            return
        pool, self.next_pool = self.next_pool, self._make_pool(self.number)
        pool.reserve.open()
        if not self._take_up(pool):
            pool.close(0)

    def _take_up(self, pool: MemberPool) -> bool:
        """Put a pool in place; False when everything was closed meanwhile."""
        with self._changing:
            self.pool = None if self._closed else pool
            return self.pool is not None

    def listens(self, session: Session) -> None:
        """Note a connection that waits for notifications."""
        with self._changing:
            self.listening = [*(one for one in self.listening if not one.driver.closed), session]

    def cut_off(self, timeout: float = 0.0) -> None:
        """Close its pool, and who listens there; what still runs after the timeout fails with ConnectionLost."""
        with self._changing:
            listening, self.listening = self.listening, []
            pool, self.pool = self.pool, None
        for session in listening:
            session.break_off()
        if pool is not None:
            pool.close(timeout)

    def close(self, timeout: float) -> None:
        """Close everything; what is being opened is closed as soon as it is open."""
        self._closed = True
        probe = self._probe
        if probe is not None:
            probe.break_off()
        self.cut_off(timeout)
        for errand in (self._looking, self._asking, self._opening):
            if errand is not None:
                errand.wait(monotonic() + LOOK_TIMEOUT)
        self._forget()
