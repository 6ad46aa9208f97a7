"""A project in the middle of its life, as plain records."""

import math
from typing import Any

from evermodel.records import CheckResult, Deployment, Event, ModelVersion, Report
from evermodel.report import Course

__all__ = ["BINS", "COURSE", "EVENTS", "METRICS", "MONITOR", "whole_project"]


def _metric(name: str, value: float, low: float, high: float, **more: Any) -> CheckResult:
    return CheckResult(
        name=name, subject="test", value=value, low=low, high=high, level=0.95, n=1409, **more
    )


METRICS = (
    _metric("roc_auc", 0.847, 0.826, 0.866, min=0.8, method="DeLong"),
    _metric("average_precision", 0.655, 0.612, 0.697),
    _metric("accuracy", 0.803, 0.782, 0.823),
    _metric("recall", 0.541, 0.49, 0.592, min=0.6, verdict="fail", why="below the 0.6 asked for"),
    _metric("brier", 0.135, 0.127, 0.144),
    _metric("ece", 0.021, 0.009, 0.034, max=0.03, verdict="warn", why="its range crosses 0.03"),
    CheckResult(
        name="recall",
        subject="test",
        slice="senior=yes",
        n=12,
        verdict="unknown",
        why="12 rows are too few to say",
    ),
)

BINS = [
    {
        "low": i / 10,
        "high": (i + 1) / 10,
        "mean": 0.05 + i / 10,
        "rate": min(0.05 + i / 10 + 0.04 * math.sin(i), 1.0),
        "rate_low": max(0.05 + i / 10 - 0.06, 0.0),
        "rate_high": min(0.05 + i / 10 + 0.08, 1.0),
        "n": 140,
    }
    for i in range(10)
]


def _drift(subject: str, value: float, low: float, high: float, **more: Any) -> CheckResult:
    return CheckResult(
        name="drift",
        subject=subject,
        value=value,
        low=low,
        high=high,
        level=0.95,
        n=812,
        max=0.1,
        **more,
    )


MONITOR = Report(
    verb="monitor",
    results=(
        CheckResult(
            name="action",
            verdict="pass",
            why="New rows look different, and the answers did not get worse over 640 outcomes. "
            "channel: New rows have more `mail`: 41 % instead of 20 %.",
            evidence={"state": "harmless change", "columns": ["channel"]},
        ),
        _drift(
            "channel",
            0.163,
            0.112,
            0.217,
            verdict="warn",
            why="New rows have more `mail`: 41 % instead of 20 %.",
            evidence={
                "bins": {
                    "ordered": False,
                    "labels": ["shop", "mail", "phone", "other values"],
                    "reference": [0.62, 0.2, 0.15, 0.03],
                    "current": [0.41, 0.41, 0.14, 0.04],
                }
            },
        ),
        _drift(
            "days_since_order",
            0.141,
            0.104,
            0.19,
            verdict="warn",
            why="New rows have more values above 62: 37 % instead of 25 %.",
            evidence={
                "bins": {
                    "ordered": True,
                    "labels": ["up to 4", *(f"bin {i}" for i in range(10)), "above 210", "missing"],
                    "reference": [0.08] * 12 + [0.04],
                    "current": [0.03 + 0.008 * i for i in range(12)] + [0.11],
                }
            },
        ),
        _drift("a_column_with_a_rather_long_name", 0.03, 0.0, 0.09),
        _drift("age", 0.0, 0.0, 0.07),
        _drift("prediction", 0.05, 0.0, 0.1),
        CheckResult(
            name="drift",
            subject="note_length",
            n=120,
            verdict="unknown",
            why="120 rows are too few to say: 200 are needed.",
        ),
        CheckResult(
            name="brier",
            subject="live",
            value=0.139,
            low=0.121,
            high=0.158,
            level=0.95,
            n=640,
            max=0.185,
            why="The answers are as good as they were: brier is 0.139 on live rows, 0.135 on the "
            "test rows.",
        ),
    ),
)

EVENTS = tuple(
    Event(
        seq=seq,
        time=f"2026-0{month}-{3 + seq:02d}T08:15:00+00:00",
        project="shop-churn",
        kind=kind,
        actor=actor,
        body={"version": version, "reason": reason},
        previous="",
        hash="",
    )
    for seq, (month, kind, actor, version, reason) in enumerate(
        [
            (1, "trained", "anna", 1, "first training on 2,818 rows"),
            (1, "promoted", "anna", 1, "the first version, its gate passed"),
            (3, "data_refused", "loop", 1, "price: values look 100 times larger"),
            (5, "retrained", "loop", 2, "the answers got worse: brier 0.21 instead of 0.14"),
            (5, "promoted", "loop", 2, "better on the same 640 rows: 0.03 less loss"),
            (8, "rejected", "loop", 3, "worse on the same 500 rows"),
            (9, "rolled_back", "loop", 2, "version 4 was worse on later outcomes"),
        ],
        start=1,
    )
)

COURSE = Course(
    title="What would it have cost?",
    lines={
        "never retrained": [(f"2026-{m:02d}-01", 40.0 * m * m) for m in range(1, 13)],
        "every month": [(f"2026-{m:02d}-01", 210.0 * m) for m in range(1, 13)],
        "this loop": [(f"2026-{m:02d}-01", 95.0 * m) for m in range(1, 13)],
    },
    marks=(
        ("2026-03-05", "prices arrived in cents: refused"),
        ("2026-05-07", "a competitor opened: retrained"),
        ("2026-05-14", "version 2 put live"),
        ("2026-08-08", "mislabelled outcomes: candidate rejected"),
        ("2026-09-09", "bad release: went back"),
    ),
    unit="EUR lost",
    caption="Money lost to customers who left without a letter, added up over the year.",
)


def whole_project() -> dict[str, Any]:
    """Return the arguments of `project_page` for the sample."""
    return {
        "name": "shop-churn",
        "made": "2026-09-30T10:00:00+00:00",
        "deployment": Deployment(
            project="shop-churn", shares={2: 1.0}, since="2026-09-10T08:15:00+00:00", previous=4
        ),
        "versions": tuple(
            ModelVersion(
                project="shop-churn",
                number=i,
                digest=f"{i}f3a9c0d1e2b4f56{i}",
                run=f"run-{i}",
                created=f"2026-0{2 * i}-02T08:00:00+00:00",
            )
            for i in range(1, 5)
        ),
        "evaluation": Report(verb="evaluate", results=METRICS, facts={"reliability": BINS}),
        "check": Report(
            verb="check",
            results=(
                CheckResult(name="rows", subject="rows", value=7043.0, unit="rows", n=7043),
                CheckResult(
                    name="missing",
                    subject="TotalCharges",
                    value=0.0016,
                    unit="share",
                    n=7043,
                    verdict="warn",
                    why="11 blanks in a column of numbers, as in line 489",
                ),
            ),
        ),
        "monitor": MONITOR,
        "events": EVENTS,
        "courses": (COURSE,),
    }
