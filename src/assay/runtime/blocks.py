"""What both surfaces say of a transaction's block, and send at its end."""

from __future__ import annotations

from assay.errors import ConnectionLost

ROLLBACK_TIMEOUT = 5.0
"""Seconds that the end of a block waits for its rollback; then that is done before the session is used again."""
CANCELLED_ROLLBACK_TIMEOUT = 0.5
"""The same at the end of an outermost block that was cancelled, since whoever cancelled it waits."""

BEGUN_ONCE = "A transaction is begun once; call transaction() again for the next one"
ENDED = "The transaction has ended: its connection went back to the pool, or the block around it ended"
NO_SAVEPOINT = (
    "A transaction inside another is a savepoint: isolation, readonly, deferrable and retry are the outermost's; "
    "leave them out here"
)
HAD_FAILED = (
    "The transaction was rolled back instead of committed: a statement in it had failed, and the block went on; "
    "let the exception leave the block, or put what may fail into a transaction() inside of it"
)


def outside(keyword: str, *, begun: bool) -> str:
    """For a transaction used outside of its block, which ``keyword`` opens."""
    state = "has ended" if begun else "has not begun"
    return f"The transaction {state}; use it inside of its `{keyword}` block"


def rollback(savepoint: int | None) -> str:
    """The statements that roll back a transaction, or a savepoint of that number."""
    if savepoint is None:
        return "rollback"
    return f"rollback to savepoint assay_{savepoint}; release savepoint assay_{savepoint}"


def lost_in_commit(error: ConnectionLost) -> str:
    """For a connection that was lost while COMMIT was under way."""
    return (
        f"{error.message.rstrip('.')}, during COMMIT: whether the transaction took effect is not known; "
        "look at what it would have changed before running it again"
    )
