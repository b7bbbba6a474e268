"""Dates, times and spans of time.

The ends of Python's calendar stand for infinity, and moments are in UTC, as asyncpg has them.
"""

from __future__ import annotations

import datetime as dt
from struct import Struct
from typing import Any

EPOCH = dt.datetime(2000, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=dt.UTC)
_EPOCH_DAY = dt.date(2000, 1, 1).toordinal()
_DAY, _TIME, _TIMETZ, _INTERVAL = Struct("!i"), Struct("!q"), Struct("!qi"), Struct("!qii")
_LAST_DAY, _FIRST_DAY = 2**31 - 1, -(2**31)
_LAST, _FIRST = 2**63 - 1, -(2**63)


def decode_date(data: Any) -> dt.date:
    """Days from 2000-01-01."""
    (day,) = _DAY.unpack(data)
    return _ENDS_OF_DAYS.get(day) or dt.date.fromordinal(day + _EPOCH_DAY)


def encode_date(value: Any) -> bytes:
    """Whatever has a ``toordinal()``."""
    day = value.toordinal()
    return _DAY.pack(_DAYS_OF_ENDS.get(day, day - _EPOCH_DAY))


def decode_timestamp(data: Any) -> dt.datetime:
    """Microseconds from 2000-01-01."""
    (moment,) = _TIME.unpack(data)
    return _ENDS.get(moment) or EPOCH + dt.timedelta(0, *divmod(moment, 1_000_000))


def encode_timestamp(value: Any) -> bytes:
    """A datetime without a zone, or a date for its beginning."""
    return _TIME.pack(_moment(_as_datetime(value, None) - EPOCH))


def decode_timestamptz(data: Any) -> dt.datetime:
    """Microseconds from 2000-01-01 in UTC."""
    (moment,) = _TIME.unpack(data)
    return _ENDS.get(moment) or EPOCH_UTC + dt.timedelta(0, *divmod(moment, 1_000_000))


def encode_timestamptz(value: Any) -> bytes:
    """A datetime; one without a zone, and a date, are in the machine's own."""
    given = _as_datetime(value, dt.datetime.now(dt.UTC).astimezone().tzinfo)
    if given in (dt.datetime.max, dt.datetime.min):
        return _TIME.pack(_LAST if given == dt.datetime.max else _FIRST)
    return _TIME.pack(_moment(given.astimezone(dt.UTC) - EPOCH_UTC))


def decode_time(data: Any) -> dt.time:
    """Microseconds from midnight."""
    return _time(_TIME.unpack(data)[0])


def encode_time(value: Any) -> bytes:
    """Whatever has hours, minutes, seconds and microseconds."""
    return _TIME.pack(_microseconds(value))


def decode_timetz(data: Any) -> dt.time:
    """Microseconds from midnight, and seconds west of Greenwich."""
    moment, west = _TIMETZ.unpack(data)
    return _time(moment).replace(tzinfo=dt.timezone(dt.timedelta(minutes=-int(west / 60))))


def encode_timetz(value: Any) -> bytes:
    """A time with a zone."""
    offset = value.tzinfo.utcoffset(None)
    return _TIMETZ.pack(_microseconds(value), -(offset.days * 86400 + offset.seconds))


def decode_interval(data: Any) -> dt.timedelta:
    """Microseconds, days and months; a year counts 365 days and a month beyond whole years 30."""
    moment, days, months = _INTERVAL.unpack(data)
    years = int(months / 12)
    days += years * 365 + (months - years * 12) * 30
    return dt.timedelta(days, *divmod(moment, 1_000_000))


def encode_interval(value: Any) -> bytes:
    """A timedelta."""
    return _INTERVAL.pack(value.seconds * 1_000_000 + value.microseconds, value.days, 0)


_ENDS_OF_DAYS = {_LAST_DAY: dt.date.max, _FIRST_DAY: dt.date.min}
_DAYS_OF_ENDS = {end.toordinal(): day for day, end in _ENDS_OF_DAYS.items()}
_ENDS = {_LAST: dt.datetime.max, _FIRST: dt.datetime.min}


def _as_datetime(value: Any, zone: dt.tzinfo | None) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=zone)
    raise TypeError(f"expected a datetime.date or datetime.datetime instance, got {type(value).__name__!r}")


def _moment(since: dt.timedelta) -> int:
    moment = (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
    return _MOMENTS_OF_ENDS.get(moment, moment)


_MOMENTS_OF_ENDS = {
    ((end - EPOCH).days * 86400 + (end - EPOCH).seconds) * 1_000_000 + (end - EPOCH).microseconds: moment
    for moment, end in _ENDS.items()
}


def _microseconds(value: Any) -> int:
    seconds: int = value.hour * 3600 + value.minute * 60 + value.second
    return seconds * 1_000_000 + int(value.microsecond)


def _time(moment: int) -> dt.time:
    seconds, microseconds = divmod(moment, 1_000_000)
    return dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60, microseconds)
