"""The members of a pool: made, opened, admitted, followed and cut off."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed
from assay.runtime.replicas.known import LOOK_TIMEOUT
from assay.runtime.replicas.membership import Membership, refuse_twice
from assay.runtime.replicas.options import Replicas
from assay.runtime.replicas.proven import ReadOnlySet
from assay.runtime.sync.replicas.errands import Errand
from assay.runtime.sync.replicas.looking import look
from assay.runtime.sync.replicas.member import Member, MemberPool
from assay.runtime.sync.replicas.primary import Primary
from assay.runtime.sync.replicas.readers import Readers
from assay.runtime.sync.replicas.watch import Watch
from assay.runtime.sync.session import Session


class Roster(Membership[Member, MemberPool]):
    """The members, of which one is the primary, and whoever lends sessions of the right ones."""

    def __init__(
        self,
        urls: Sequence[str | DatabaseUrl | None],
        replicas: Replicas,
        proofs: ReadOnlySet | None,
        options: dict[str, Any],
        adopted: Callable[[MemberPool], None],
    ) -> None:
        super().__init__(urls, proofs, options, adopted)
        self.members = tuple(Member(number, self._make_pool) for number in range(len(urls)))
        refuse_twice(self.members)
        self.watch = Watch(self.members, self._bounds(replicas), replicas.check_every, self._seen)
        self._choice = self.readers = Readers(replicas)
        self.adopted = self.members[0]
        reserve = self.adopted.next_pool.reserve
        self._lender = self.primary = Primary(reserve, self.watch, lambda: self._why(self.watch.topology))
        self._tell(self.adopted.next_pool)
        self._pid = os.getpid()

    def _make_pool(self, number: int) -> MemberPool:
        options = self._options_of(number)
        return MemberPool(self._urls[number], lambda session: self.admit(self.members[number], session), options)

    def open(self) -> None:
        """After looking has begun, open a pool on every member that is of use; replicas may come later.

        Raises ConfigurationError for a server that is no copy of the primary, ConnectionFailed where there is none,
        and what opening raises.
        """
        primary = self._found(self.watch.fresh())
        opening = [member.open_soon() for member in {primary: None, **dict.fromkeys(self._used())}]
        for errand in opening:
            errand.wait()
        opening[0].result()
        self.watch.fresh()
        self.primary.running = True

    def close(self, timeout: float) -> None:
        """Close everything; connections still in use after the timeout are cut. A forked child closes nothing."""
        if self._pid != os.getpid():
            return
        self.watch.stop()
        self.primary.running = False
        for errand in [Errand(lambda one=member: one.close(timeout), "assay-pool-end") for member in self.members]:  # type: ignore[misc]  # bound at once
            errand.wait()

    def admit(self, member: Member, session: Session) -> None:
        """Refuse a connection that leads elsewhere than it ought to."""
        try:
            one = look(session, monotonic() + LOOK_TIMEOUT)
        except TimeoutError:
            raise ConnectionFailed(f"{member.place} did not say in {LOOK_TIMEOUT:g} s what it is") from None
        if self._takes_writes(member, one, self.watch.topology):
            self._confirm(member, one, self.watch.fresh())

    def _end_connections(self, member: Member) -> None:
        Errand(member.cut_off, "assay-pool-end")
