"""Times in the prediction log, each with the zone that its client wrote."""

import json

import polars as pl

from evermodel.loop.predictions import features_of


def test_logged_times_of_mixed_zones_are_read_back_in_utc() -> None:
    times = ["2026-01-31T12:00:00+02:00", "2026-01-31T12:00:00", "2026-01-31T12:00:00.5Z",
             "2026-01-31", "2026-01-31T12:00:00-09:30", None]  # fmt: skip
    log = pl.DataFrame({"features": [json.dumps({"t": time}) for time in times]})
    found = features_of(log, {"t": "timestamp"})["t"]
    assert [None if t is None else t.isoformat() for t in found] == [
        "2026-01-31T10:00:00",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00.500000",
        "2026-01-31T00:00:00",
        "2026-01-31T21:30:00",
        None,
    ]
