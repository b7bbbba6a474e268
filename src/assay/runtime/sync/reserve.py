"""The sessions of a pool: opened, handed out, mended, retired."""

from __future__ import annotations

import copy
import itertools
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from assay.config import DatabaseUrl
from assay.errors import Error, PoolClosed, PoolTimeout
from assay.runtime import reserve as shared
from assay.runtime.exhaustion import exhausted, unreturned
from assay.runtime.openings import Openings
from assay.runtime.pool_options import PoolOptions
from assay.runtime.stock import MEND_TIMEOUT, Counters, State
from assay.runtime.sync.hooks import Hooks
from assay.runtime.sync.session import Session
from assay.runtime.sync.waiting_line import WaitingLine

_log = logging.getLogger("assay.pool")
UPKEEP_PAUSE = 1.0
"""Seconds between rounds of upkeep, at most: a connection that breaks while nobody uses it is found by them."""
_STATES = {State.NEW: "is not open yet; use it inside of `with`, or get it from `Pool.open(...)`"}
"""Where the sync surface has other words."""


class Reserve:
    """Sessions, free and lent, and the threads that wait for one.

    A session is handed to whoever has waited longest; it is free only when nobody waits. Sessions are opened by threads
    of the reserve's own, so that who waits can as well be served by one that comes back; a session that has to be
    mended is mended by the thread that gives it back.
    """

    def __init__(
        self, url: DatabaseUrl, options: PoolOptions, hooks: Hooks, open_session: Callable[[], Session]
    ) -> None:
        self._url = url
        self.options = options
        self._hooks = hooks
        self._open_session = open_session
        self.opener = Openings(time.monotonic)
        self._pid = os.getpid()
        self._state = State.NEW
        self._lock = threading.RLock()
        """Held for moments only, never while anything waits for the server."""
        self._emptied = threading.Condition(self._lock)
        """Told whenever a session is gone."""
        self._held: dict[int, tuple[weakref.ref[Session], object]] = {}
        """The sessions that are open, and their drivers, which would warn of being collected before they are closed.

        A session that is lent is kept by who uses it: should an exception of a signal handler leave it with nobody, it
        ends, and another takes its place.
        """
        self._vanished: deque[int] = deque()
        """Numbers of sessions that ended so."""
        self._numbers = itertools.count(1)
        self._free: list[Session] = []
        """The one used last is at the end, and is lent first."""
        self._line = WaitingLine()
        self._mending: set[int] = set()
        """The numbers of the sessions that are being mended."""
        self._closing = threading.Event()
        """Set when the pool closes; what upkeep and pauses wait for."""
        self._alarm: threading.Timer | None = None
        """Goes off when opening may be tried again."""
        self.counters = Counters()

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

    def give_back(self, session: Session) -> None:
        """Take a session back, whatever state it is in."""
        if session.is_closed or session.number not in self._held:
            self._retire(session)
        elif session.is_unsettled or session.in_transaction or self._mends_always():
            self._mend(session)
        else:
            self._offer(session)

    def _mends_always(self) -> bool:
        return self.options.reset == "always" or self._hooks.after_release is not None

    def _offer(self, session: Session) -> None:
        """Hand a session to who waits longest, or keep it."""
        session.idle_since = time.monotonic()
        with self._lock:
            if self._state is State.OPEN and session.idle_since < session.expires_at:
                if not self._line.hand(session):
                    self._free.append(session)
                return
        self._retire(session)

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

    # --- opening, mending, closing

    def _grow(self) -> None:
        """Open what waiting threads need and the minimum asks for, within the maximum; one in an outage."""
        with self._lock:
            openings, held = self.opener, bool(self._held)
            resting = time.monotonic() < openings.resting_until and (held or openings.is_down)
            if self._state is not State.OPEN or resting:
                return
            wanted = max(len(self._line), self.options.min_connections - len(self._held))
            wanted = (min(wanted, 1) if openings.is_down else wanted) - openings.under_way
            room = self.options.max_connections - len(self._held) - openings.under_way
            for _ in range(min(wanted, room)):
                self._start_opening()

    def _start_opening(self) -> None:
        opening = threading.Thread(target=self._open_another, name="assay-pool-opening", daemon=True)
        self.opener.under_way += 1
        try:
            opening.start()
        except BaseException:
            if opening.ident is None:  # it never began, and will not count itself out
                self.opener.under_way -= 1
            raise

    def _open_another(self) -> None:
        try:
            self._open_one()
        except Error as error:
            with self._lock:
                if self._held or self.opener.is_down:
                    self._try_again_later()
                if not self._held and (not self.opener.is_down or self.opener.is_down_for_long):
                    self._line.fail(error)
        else:
            self._grow()

    def _try_again_later(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._state is State.OPEN:
            self._alarm = threading.Timer(max(self.opener.resting_until - time.monotonic(), 0), self._grow)
            self._alarm.daemon = True
            self._alarm.start()

    def _open_one(self) -> None:
        """Open a session that was counted as under way before. Raises what opening raises."""
        try:
            session = self._open_session()
        except BaseException as error:
            with self._lock:
                if isinstance(error, Error):
                    self.opener.went_wrong(error)
                self.opener.under_way -= 1
                self._emptied.notify_all()  # close() waits for what is being opened too
            raise
        with self._lock:
            self.opener.succeeded()
            self.opener.under_way -= 1
            too_many = len(self._held) >= self.options.max_connections  # lowered since
            session.expires_at = 0.0 if too_many else self.opener.expiry(self.options.max_lifetime)
            self._hold(session)
        self._offer(session)

    def _hold(self, session: Session) -> None:
        """Take up a new session, and look after it when nobody else does any more."""
        number = session.number = next(self._numbers)
        session.owner = self

        def vanished(_: object) -> None:  # in whichever thread, at any moment
            self._vanished.append(number)
            with suppress(RuntimeError):  # at the end of the interpreter
                threading.Thread(target=self._replace_vanished, daemon=True).start()

        self._held[number] = weakref.ref(session, vanished), session.driver
        self.counters.opened += 1

    def _replace_vanished(self) -> None:
        with self._lock:
            while self._vanished:
                number = self._vanished.popleft()
                self._mending.discard(number)
                if self._held.pop(number, None) is not None:
                    self.counters.closed += 1
            self._emptied.notify_all()
        self._grow()

    def _mend(self, session: Session) -> None:
        mended = False
        try:
            self._mending.add(session.number)
            with suppress(Exception):  # whatever it is, the session is not to be trusted then
                self._make_good(session)
                mended = not session.is_closed
        finally:
            with self._lock:
                self._mending.discard(session.number)
                self.counters.mended += 1
            if mended:
                self._offer(session)
            else:
                self._retire(session)

    def _make_good(self, session: Session) -> None:
        always = self.options.reset == "always"
        resets = always or bool(session.footprint)
        session.mend(always=always, timeout=MEND_TIMEOUT)
        if resets:
            self._hooks.connected(session, self._url)
        if not self._hooks.keeps("after_release", session, self._url):
            session.close()
        elif session.is_unsettled:
            session.mend(always=False, timeout=MEND_TIMEOUT)
            self._hooks.connected(session, self._url)

    def _retire(self, session: Session) -> None:
        """Let a session go for good, and open another if one is needed."""
        session.close()
        with self._lock:
            if self._held.pop(session.number, None) is None:
                return
            self.counters.closed += 1
            self._emptied.notify_all()
            self._grow()

    # --- the reserve's life

    @property
    def in_use(self) -> int:
        """How many sessions are lent."""
        return len(self._held) - len(self._free) - len(self._mending)

    @property
    def is_open(self) -> bool:
        """Whether sessions can be had."""
        return self._state is State.OPEN and self._pid == os.getpid()

    def _all(self) -> list[Session]:
        """Every session that is open."""
        found = (reference() for reference, _ in [*self._held.values()])
        return [session for session in found if session is not None]

    def sizes(self) -> dict[str, int]:
        """How many sessions are in which state, and how many threads wait."""
        with self._lock:
            return {
                "open": len(self._held),
                "idle": len(self._free),
                "in_use": self.in_use,
                "mending": len(self._mending),
                "opening": self.opener.under_way,
                "waiting": len(self._line),
            }

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
