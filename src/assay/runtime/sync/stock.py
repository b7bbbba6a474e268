"""The sessions that a pool of threads holds: opened, taken back, mended, let go."""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from assay.config import DatabaseUrl
from assay.errors import Error
from assay.runtime.openings import Openings
from assay.runtime.pool_options import PoolOptions
from assay.runtime.stock import MEND_TIMEOUT, Counters, State
from assay.runtime.sync.hooks import Hooks
from assay.runtime.sync.session import Session
from assay.runtime.sync.waiting_line import WaitingLine


class Stock:
    """Sessions, free and lent, and the threads that wait for one.

    A session is handed to whoever has waited longest; it is free only when nobody waits. Sessions are opened by threads
    of the stock's own, so that who waits can as well be served by one that comes back; a session that has to be
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

    # --- opening, letting go

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

    def _retire(self, session: Session) -> None:
        """Let a session go for good, and open another if one is needed."""
        session.close()
        with self._lock:
            if self._held.pop(session.number, None) is None:
                return
            self.counters.closed += 1
            self._emptied.notify_all()
            self._grow()

    # --- numbers

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
