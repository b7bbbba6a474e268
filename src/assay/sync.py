"""The sync surface: the same names as ``assay`` itself, without ``await``, on psycopg 3.

::

    import assay
    from assay import sync

    with sync.Pool("postgresql://app@db.example/app") as pool:
        count = pool.fetch_one(int, "select count(*) from device")

It needs psycopg: ``pip install 'assay[sync]'``. SQL, parameters, row classes, values and errors are those of the async
surface.
"""

from __future__ import annotations

try:
    import psycopg as _psycopg  # noqa: F401 - whether it is there
except ImportError as error:
    raise ImportError(
        f"assay.sync needs psycopg 3, which cannot be loaded ({error}); install it with: pip install 'assay[sync]'"
    ) from error

from assay.runtime.listening import Gap, Notification
from assay.runtime.pool_facts import PoolStats
from assay.runtime.replicas.options import Replicas
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.stats import MemberStats
from assay.runtime.sync.attempts import Attempts
from assay.runtime.sync.connection import Connection, connect
from assay.runtime.sync.executor import Executor
from assay.runtime.sync.listening import Listener
from assay.runtime.sync.pool import Pool
from assay.runtime.sync.streaming import Stream
from assay.runtime.sync.transaction import Transaction

__all__ = [
    "Attempts",
    "Connection",
    "Executor",
    "Gap",
    "Listener",
    "MemberStats",
    "Notification",
    "Pool",
    "PoolStats",
    "Position",
    "Replicas",
    "Stream",
    "Transaction",
    "connect",
]
