"""The only place that asks what time it is, and a clock that stands where it is put."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["FixedClock", "SystemClock", "stamp"]


class SystemClock:
    """The machine's clock, in UTC.

    Examples
    --------
    >>> str(SystemClock().now().tzinfo)
    'UTC'
    """

    def now(self) -> datetime:
        """Return the present time, with its zone (UTC)."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that moves only when told: replay and tests live by it.

    Parameters
    ----------
    start : datetime
        Where the clock stands at first; a time without a zone is taken as UTC.

    Examples
    --------
    >>> clock = FixedClock(datetime(2026, 1, 1))
    >>> clock.advance(90)
    >>> stamp(clock.now())
    '2026-01-01T00:01:30.000000Z'
    """

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)

    def now(self) -> datetime:
        """Return where the clock stands (UTC)."""
        return self._now

    def set(self, time: datetime) -> None:
        """Put the clock to `time`, forwards or backwards."""
        self._now = _utc(time)

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`."""
        self._now += timedelta(seconds=seconds)


def stamp(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC with microseconds, so that texts sort as times do.

    Examples
    --------
    >>> stamp(datetime(2026, 11, 3, 9, tzinfo=UTC))
    '2026-11-03T09:00:00.000000Z'
    """
    return _utc(time).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
