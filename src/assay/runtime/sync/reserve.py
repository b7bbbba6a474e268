"""The sessions of a pool, lent to threads, from the pool's opening to its end."""

from __future__ import annotations

import copy
import logging
import os
import threading
import time
from dataclasses import replace

from assay.errors import Error, PoolClosed, PoolTimeout
from assay.runtime import reserve as shared
from assay.runtime.exhaustion import exhausted, unreturned
from assay.runtime.stock import State
from assay.runtime.sync.session import Session
from assay.runtime.sync.stock import Stock

_log = logging.getLogger("assay.pool")
UPKEEP_PAUSE = 1.0
"""Seconds between rounds of upkeep, at most: a connection that breaks while nobody uses it is found by them."""
_STATES = {State.NEW: "is not open yet; use it inside of `with`, or get it from `Pool.open(...)`"}
"""Where the sync surface has other words."""


class Reserve(Stock):
    """Lends sessions."""

    # --- lending

    def lend(self, timeout: float | None = None) -> Session:
        """A session: free, newly opened, or given back by somebody else.

        Raises PoolTimeout when there is none within the timeout (the acquire timeout unless given), PoolClosed, and
        what opening raised when no connection is open and none can be opened.
        """
        self._check_open()
        started = time.monotonic()
        deadline = started + (self.options.acquire_timeout if timeout is None else timeout)
        while True:
            session = self._pop() or self._stand_in_line(started, deadline)
            if self._is_fit(session):
                with self._lock:
                    self.counters.acquired += 1
                return session

    def _pop(self) -> Session | None:
        """The free session used last, if it is not too old and its connection has not broken."""
        while True:
            with self._lock:
                if not self._free:
                    return None
                session = self._free.pop()
            if time.monotonic() < session.expires_at and not session.is_closed:
                return session
            self._retire(session)

    def _stand_in_line(self, started: float, deadline: float) -> Session:
        with self._lock:
            self._check_open()  # once more, since nobody hands anything to who comes after close() has
            self._check_outage()
            if self._free:
                return self._free.pop()
            waiter = self._line.join()
            self._grow()
        try:
            waiter.wait(deadline - time.monotonic())
        except BaseException:
            with self._lock:
                self._line.leave(waiter)
            if waiter.session is not None:
                self.give_back(waiter.session)
            raise
        with self._lock:
            self._line.leave(waiter)
            self.counters.waited += 1
            self.counters.wait_seconds += time.monotonic() - started
            if waiter.error is not None:
                raise waiter.error
            if waiter.session is None:
                raise self._too_late(started)
            return waiter.session

    def _check_outage(self) -> None:
        """Tell of an outage that has lasted long, until the next attempt to open a session is due."""
        openings = self.opener
        attempting = openings.under_way or time.monotonic() < openings.resting_until
        if not self._held and openings.is_down_for_long and attempting and openings.last_failure is not None:
            raise copy.copy(openings.last_failure)

    def _too_late(self, started: float) -> PoolTimeout:
        self.counters.timeouts += 1
        waited, most = time.monotonic() - started, self.options.max_connections
        return exhausted(self._url, waited, self.sizes(), most, self.opener.last_failure, who="threads")

    def _is_fit(self, session: Session) -> bool:
        """Whether a session can be lent; if not, it is let go."""
        try:
            rested = time.monotonic() - session.idle_since >= shared.LIVENESS_AFTER
            fit = not rested or session.is_alive(shared.LIVENESS_TIMEOUT)
            fit = fit and self._hooks.keeps("before_acquire", session, self._url)
        except Error:
            self._drop(session)
            raise
        except BaseException:
            self.give_back(session)
            raise
        if not fit:
            self._drop(session)
        return fit

    def _drop(self, session: Session) -> None:
        session.close()
        self._retire(session)

    def _check_open(self) -> None:
        if self._pid != os.getpid():
            self._state = State.FORKED
        if self._state is not State.OPEN:
            raise PoolClosed(f"The pool for {self._url.place} {_STATES.get(self._state, self._state.value)}")

    # --- the pool's life

    def open(self) -> None:
        """Open the minimum of sessions, and one in any case before the others, so that a wrong URL is found at once.

        Raises what opening raises; then none is open.
        """
        if self._state is not State.NEW:
            state = _STATES.get(self._state, self._state.value)
            raise PoolClosed(f"The pool for {self._url.place} {state}; a pool is opened once")
        self._state = State.OPEN
        try:
            self.open_until(max(1, self.options.min_connections))
        except BaseException:
            self.close(0)
            raise
        threading.Thread(target=self._keep_up, name="assay-pool-upkeep", daemon=True).start()

    def open_until(self, connections: int) -> None:
        """Open sessions, one after the other, until there are so many. Raises what opening raises."""
        while True:
            with self._lock:
                present = len(self._held) + self.opener.under_way
                if present >= min(connections, self.options.max_connections):
                    return
                self.opener.under_way += 1
            self._open_one()

    def take_all_free(self) -> list[Session]:
        """Every free session, to be given back one by one."""
        self._check_open()
        with self._lock:
            taken, self._free = self._free, []
            return taken

    def resize(self, least: int | None, most: int | None) -> None:
        """Other limits from now on; what is too much goes at once if it is free, and else when it comes back."""
        with self._lock:
            least = self.options.min_connections if least is None else least
            most = self.options.max_connections if most is None else most
            self.options = replace(self.options, min_connections=least, max_connections=most)
            surplus = len(self._held) - most
            lent = [session for session in self._all() if session not in self._free]
            for session in [*self._free, *lent][: max(surplus, 0)]:
                session.expires_at = 0.0
        self._tidy()

    def drain(self) -> None:
        """Replace every session: the free ones at once, the others when they come back."""
        self._check_open()
        with self._lock:
            for session in self._all():
                session.expires_at = 0.0
        self._tidy()

    def close(self, timeout: float) -> None:
        """Lend no more, wait until all sessions are back, close them; after the timeout cut what is not back."""
        if self._pid != os.getpid() or self._state is State.FORKED:
            return
        with self._lock:
            self._state = State.CLOSED
            self._line.fail(PoolClosed(f"The pool for {self._url.place} was closed while this thread waited"))
            free, self._free = self._free, []
            if self._alarm is not None:
                self._alarm.cancel()
        self._closing.set()
        for session in free:
            self._retire(session)
        try:
            with self._lock:
                self._emptied.wait_for(lambda: not self._held and not self.opener.under_way, timeout)
                if self._held:
                    _log.warning("%s", unreturned(self._url, self.in_use, timeout, self.places()))
        finally:
            self._cut(self._all())

    def _cut(self, sessions: list[Session]) -> None:
        """End sessions under the threads that use them, all at once: each may have to wait for the server."""
        cuts = [threading.Thread(target=session.interrupt, daemon=True) for session in sessions]
        for cut in cuts:
            cut.start()
        for session, cut in zip(sessions, cuts, strict=True):
            cut.join()
            self._retire(session)

    def places(self) -> list[str]:
        """Where the connections in use were taken; nothing is known of it unless they are watched for leaks."""
        return []

    def _keep_up(self) -> None:
        """Close what is too old or too long idle, and keep the minimum open."""
        limits = [limit for limit in (self.options.idle_timeout, self.options.max_lifetime) if limit]
        pause = min(UPKEEP_PAUSE, *(limit / 4 for limit in limits), UPKEEP_PAUSE)
        while not self._closing.wait(pause):
            self._tidy()

    def _tidy(self) -> None:
        """Let go of free sessions whose time is over, from the one that has been idle longest."""
        now, gone = time.monotonic(), []
        with self._lock:
            surplus = len(self._held) - self.options.min_connections
            for session in [*self._free]:
                idle_too_long = 0 < self.options.idle_timeout <= now - session.idle_since
                if session.is_closed or now >= session.expires_at or (idle_too_long and surplus > 0):
                    surplus -= 1
                    self._free.remove(session)
                    gone.append(session)
        for session in gone:
            self._retire(session)
        self._grow()
