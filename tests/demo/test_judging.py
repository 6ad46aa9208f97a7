"""The ledger is the witness: what is said of each event follows from it alone."""

from datetime import timedelta
from typing import Any

import pytest

from evermodel.demo import START, Plan
from evermodel.demo.judging import judge, week_of
from evermodel.records import CheckResult, Event

PLAN = Plan.draw(0)
R, C, M = PLAN.bad_release, PLAN.competitor, PLAN.mislabelled


def event(week: int, kind: str, actor: str = "evermodel", **body: Any) -> Event:
    time = (START + timedelta(weeks=week)).isoformat() + "Z"
    return Event(
        seq=1, time=time, project="shop", kind=kind, actor=actor, body=body, previous="", hash=""
    )


def look(week: int, state: str, why: str = "", columns: tuple[str, ...] = ()) -> Event:
    return event(week, "monitored", state=state, why=why, columns=list(columns))


BROKEN = [
    look(week, "broken data", "The data are broken: price: too large. Mend the feed first; no.")
    for week in range(PLAN.broken_feed.start, PLAN.broken_feed.end)
]
HARMLESS = look(
    PLAN.campaign.start + 1,
    "harmless change",
    "New rows look different, and the answers did not get worse over 900 outcomes. x",
    ("channel",),
)
BY_HAND = event(R, "promoted", "a person", number=4, previous=1, reason="splendid", forced=True)
BACK = event(R + 5, "rolled_back", number=1, previous=4, reason="better")
HARM = look(C + 5, "harmful change", "The loss rose. A possible reason: x")
TRAINED = event(C + 6, "retrained", number=5, reason="measured harm on outcomes")
BETTER = event(C + 8, "promoted", number=5, previous=1, reason="better", forced=False)
POISONED = event(M, "retrained", number=6, reason="every 4w")
REFUSED = event(M + 2, "rejected", number=6, reason="not better")
YEAR = [*BROKEN, HARMLESS, BY_HAND, BACK, HARM, TRAINED, BETTER, POISONED, REFUSED]


def test_a_year_in_which_all_went_well_is_told_so() -> None:
    proof = CheckResult(name="gain", value=0.03, low=0.01, high=0.05, n=609)
    found = judge(PLAN, YEAR, {C + 8: proof})
    assert [name for name, each in found.items() if not each.as_expected] == []
    assert "`price`: too large." in found["broken feed"].did
    assert "over 900 outcomes" in found["campaign"].did
    assert f"In week {R + 6}" in found["bad release"].did
    assert "over 609 outcomes its loss was smaller by 0.030" in found["competitor"].did
    assert f"Version 6 was turned down in week {M + 3}." in found["mislabelled"].did


@pytest.mark.parametrize(
    ("event_name", "missing", "added"),
    [
        ("broken feed", BROKEN[:1], []),
        ("broken feed", [], [event(PLAN.broken_feed.start, "retrained", number=2, reason="x")]),
        ("campaign", [HARMLESS], []),
        ("campaign", [], [look(PLAN.campaign.start + 2, "harmful change", "worse")]),
        (
            "campaign",
            [],
            [event(PLAN.campaign.start, "retrained", number=2, reason="measured harm on outcomes")],
        ),
        ("bad release", [BACK], []),
        ("bad release", [BACK], [event(R + 10, "rolled_back", number=1, previous=4)]),
        ("bad release", [BY_HAND, BACK], []),
        ("competitor", [HARM], []),
        ("competitor", [BETTER], []),
        ("competitor", [BETTER], [event(C + 8, "promoted", "me", number=5, forced=False)]),
        ("mislabelled", [], [event(M + 1, "promoted", number=6, forced=False)]),
    ],
)
def test_what_is_not_in_the_ledger_did_not_happen(
    event_name: str, missing: list[Event], added: list[Event]
) -> None:
    found = judge(PLAN, [each for each in YEAR if each not in missing] + added)
    assert [name for name, each in found.items() if not each.as_expected] == [event_name]


def test_a_model_of_the_wrong_outcomes_may_go_live_once_right_ones_prove_it() -> None:
    later = [
        event(M + 2, "retrained", number=7, reason="measured harm on outcomes"),
        event(M + 7, "promoted", number=7, reason="better", forced=False),
    ]
    found = judge(PLAN, [*YEAR, *later])["mislabelled"]
    assert found.as_expected
    assert "proven better on right outcomes that came later" in found.did


def test_a_release_that_lacked_its_fields_is_undone_before_anybody_else_is_scored() -> None:
    at_once = event(R, "rolled_back", number=1, previous=4, reason="starved")
    found = judge(PLAN, [each if each is not BACK else at_once for each in YEAR])["bad release"]
    assert found.as_expected
    assert "Version 1, which does not read that field, was live again before" in found.did


def test_a_year_without_any_event_pleases_only_where_nothing_had_to_be_done() -> None:
    found = judge(PLAN, [])
    assert [name for name, each in found.items() if each.as_expected] == ["mislabelled"]


def test_weeks_count_from_the_first_monday() -> None:
    assert [week_of(event(week, "x")) for week in (0, 51)] == [0, 51]
