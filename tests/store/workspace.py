"""A workspace in a temporary folder, with a clock that stands still."""

from datetime import UTC, datetime
from pathlib import Path

from evermodel.store import FixedClock, Keys, SqliteLedger

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def open_ledger(
    folder: Path, *, events: int = 0, read_only: bool = False, wait: float = 30.0
) -> SqliteLedger:
    """Return the ledger of a workspace with so many more events."""
    ledger = SqliteLedger(
        folder / "store.db",
        folder / "heads",
        Keys(folder / "keys"),
        FixedClock(NOON),
        read_only=read_only,
        wait=wait,
    )
    for number in range(events):
        kind = "trained" if number % 2 else "labels"
        ledger.append("churn", kind, {"number": number, "text": "ü"}, actor="test")
    return ledger
