"""One answer: broken data before harm, harm before a change that does none."""

import pytest

from evermodel.monitor import diagnose
from evermodel.records import CheckResult, Report, Verdict

MOVED = CheckResult(
    name="drift",
    subject="channel",
    verdict="warn",
    n=500,
    why="New rows have more `mail`: 31 % instead of 20 %.",
)
STILL = CheckResult(name="drift", subject="age", verdict="pass", n=500)
GONE = CheckResult(
    name="drift",
    subject="age",
    verdict="warn",
    n=500,
    why="The column is not in the new rows.",
    evidence={"broken": True},
)
SLIP = CheckResult(name="unit", subject="price", verdict="fail", why="values look 100 times larger")


def _loss(verdict: Verdict) -> CheckResult:
    """Return the risk, which alone may fail, or the loss at one look."""
    name = "risk" if verdict == "fail" else "brier"
    return CheckResult(name=name, subject="live", verdict=verdict, n=500, why="As measured.")


def _state(gate: Report | None, drift: list[CheckResult], live: list[CheckResult] | None) -> str:
    (found,) = diagnose(gate, drift, live)
    assert found.name == "action"
    assert found.why.endswith(".")
    return str(found.evidence["state"])


def test_broken_data_come_before_everything_else() -> None:
    gate = Report(verb="gate", results=(SLIP,))
    (found,) = diagnose(gate, [MOVED], [_loss("fail")])
    assert found.evidence == {"state": "broken data", "columns": ["price"]}
    assert found.verdict == "fail"
    assert "price: values look 100 times larger." in found.why


def test_a_column_that_is_gone_is_broken_data() -> None:
    assert _state(None, [GONE, MOVED], [_loss("pass")]) == "broken data"


def test_measured_harm_names_the_change_as_a_possible_reason_only() -> None:
    (found,) = diagnose(None, [MOVED], [_loss("fail")])
    assert found.evidence == {"state": "harmful change", "columns": ["channel"]}
    assert "A possible reason: channel: New rows have more `mail`" in found.why


@pytest.mark.parametrize(
    ("drift", "live", "state"),
    [
        ([MOVED, STILL], ["pass"], "harmless change"),
        ([MOVED], ["unknown"], "too few to say"),
        ([MOVED], None, "too few to say"),
        ([STILL], ["pass"], "steady"),
        ([STILL], ["unknown"], "too few to say"),
        ([STILL], ["warn"], "too few to say"),
        ([STILL], None, "steady"),
        ([], None, "too few to say"),
        ([], ["fail"], "harmful change"),
    ],
)
def test_change_and_outcomes_decide_together(
    drift: list[CheckResult], live: list[Verdict] | None, state: str
) -> None:
    measured = None if live is None else [_loss(verdict) for verdict in live]
    assert _state(None, drift, measured) == state


def test_a_metric_that_only_informs_makes_no_harm() -> None:
    informs = CheckResult(name="roc_auc", subject="live", verdict="warn", n=500)
    assert _state(None, [STILL], [_loss("pass"), informs]) == "steady"


def test_a_loss_at_one_look_is_no_harm_until_the_risk_says_so() -> None:
    look = CheckResult(name="brier", subject="live", verdict="fail", n=500)
    risk = CheckResult(name="risk", subject="live", verdict="pass", n=500)
    assert _state(None, [STILL], [look, risk]) == "steady"


def test_many_columns_are_counted_rather_than_listed() -> None:
    many = [
        CheckResult(name="drift", subject=f"c{i}", verdict="warn", why="More.") for i in range(9)
    ]
    (found,) = diagnose(None, many, None)
    assert "And 6 more columns." in found.why
    assert len(found.evidence["columns"]) == 9


def test_what_was_useless_when_it_was_tested_is_harm_until_it_is_measured_to_be_better() -> None:
    why = "no better than guessing the mean"
    skill = CheckResult(name="skill", subject="live", value=0.2, low=0.1, high=0.3, n=500)
    (found,) = diagnose(None, [STILL], [_loss("pass")], useless=why)
    assert found.evidence["state"] == "useless"
    assert found.why == f"When it was tested, what is live was {why}."
    (found,) = diagnose(None, [STILL], [_loss("pass"), skill], useless=why)
    assert found.evidence["state"] == "steady"
    worse = CheckResult(name="skill", subject="live", value=0.0, low=-0.1, high=0.1, n=500)
    (found,) = diagnose(None, [STILL], [_loss("pass"), worse], useless=why)
    assert found.evidence["state"] == "useless"
