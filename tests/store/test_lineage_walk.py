"""Whoever asks what a model came from, or what a table went into, is told the runs between."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.errors import InputError, NotFoundError
from evermodel.records import Run
from evermodel.store import stamp
from evermodel.store.lineage import DataSet, downstream, run_event, run_uuid, upstream
from evermodel.store.openlineage import RunEvent

MORNING = datetime(2026, 11, 3, 9, tzinfo=UTC)


def _told(
    id: str,
    verb: str,
    hour: float,
    read: dict[str, str],
    made: dict[str, str],
    *,
    end: Literal["COMPLETE", "FAIL", ""] = "COMPLETE",
    project: str = "churn",
) -> list[RunEvent]:
    """Return the events of an hour's run; data sets are addresses or words, with their digests."""
    known: dict[str, Any] = {
        "inputs": {key: DataSet(address=key) for key in read if "." in key},
        "outputs": {key: DataSet(address=key) for key in made if "." in key},
        "root": "/shops/churn",
    }
    started = stamp(MORNING + timedelta(hours=hour))
    run = Run(id=id, verb=verb, project=project, started=started, inputs=read)
    ended = Run(
        id=id,
        verb=verb,
        project=project,
        started=started,
        seconds=1800,
        inputs=read,
        outputs=made,
    )
    events = [run_event(run, "START", inputs=known["inputs"], root=known["root"])]
    return [*events, run_event(ended, end, **known)] if end else events


DAY = [
    *_told("t1", "train", 0, {"orders.csv": "d1"}, {"model": "m1"}),
    *_told("t2", "train", 2, {"orders.csv": "d2"}, {"model": "m2"}),
    *_told("s1", "score", 4, {"model": "m1", "new.csv": "n1"}, {"scores.csv": "s1"}),
    *_told("s2", "score", 5, {"model": "m2", "new.csv": "n2"}, {"scores.csv": "s2"}),
    *_told("x", "score", 6, {"model": "m2"}, {"lost.csv": "l1"}, end="FAIL"),
    *_told("o", "score", 7, {"model": "m2"}, {"open.csv": "o1"}, end=""),
    *_told("e", "evaluate", 8, {"model": "m2"}, {}),
]


def _ids(links: list[Any]) -> list[tuple[str, int]]:
    names = {
        run_uuid(Run(id=short, verb="", project=project, started="")): short
        for short in ("t1", "t2", "s1", "s2", "x", "o", "e", "w", "a", "b")
        for project in ("churn", "bike")
    }
    return [(names[link.run], link.steps) for link in links]


def test_a_model_is_led_back_to_the_table_it_was_made_from() -> None:
    (link,) = upstream(DAY, "churn.model", version="m2")
    assert (link.job, link.state) == ("churn.train", "COMPLETE")
    assert [(one.name, one.digest) for one in link.inputs] == [("churn/orders.csv", "d2")]
    assert [(one.name, one.digest) for one in link.outputs] == [("churn.model", "m2")]
    assert (link.begun, link.ended) == (
        "2026-11-03T11:00:00.000000Z",
        "2026-11-03T11:30:00.000000Z",
    )


def test_scores_are_led_back_through_the_very_version_that_made_them() -> None:
    assert _ids(upstream(DAY, "scores.csv", version="s1")) == [("s1", 1), ("t1", 2)]
    assert _ids(upstream(DAY, "churn/scores.csv")) == [("s1", 1), ("s2", 1), ("t1", 2), ("t2", 2)]


def test_a_table_is_followed_to_the_models_and_all_that_used_them() -> None:
    assert _ids(downstream(DAY, "orders.csv", version="d1")) == [("t1", 1), ("s1", 2)]
    found = _ids(downstream(DAY, "orders.csv", version="d2"))
    assert found == [("t2", 1), ("s2", 2), ("x", 2), ("o", 2), ("e", 2)]


def test_nothing_comes_from_a_run_that_failed_or_has_not_ended() -> None:
    onward = [
        *_told("a", "labels", 10, {"lost.csv": "l1"}, {"more.csv": "m9"}),
        *_told("b", "labels", 10, {"open.csv": "o1"}, {"more.csv": "m8"}),
    ]
    for name in ("lost.csv", "open.csv"):
        assert upstream([*DAY, *onward], f"churn/{name}") == []
    found = _ids(downstream([*DAY, *onward], "orders.csv", version="d2"))
    assert [short for short, _ in found] == ["t2", "s2", "x", "o", "e"]
    assert _ids(upstream([*DAY, *onward], "more.csv")) == [("a", 1), ("b", 1)]


def test_a_run_of_before_does_not_come_from_one_of_after() -> None:
    # Without digests a table that is written again and again would seem to come from its future.
    events = [
        *_told("a", "labels", 0, {"table.csv": ""}, {"other.csv": ""}),
        *_told("b", "labels", 1, {"other.csv": ""}, {"table.csv": ""}),
    ]
    assert _ids(upstream(events, "other.csv")) == [("a", 1)]
    assert _ids(upstream(events, "table.csv")) == [("b", 1), ("a", 2)]
    assert _ids(downstream(events, "other.csv")) == [("b", 1)]


def test_what_is_known_of_a_run_is_added_up_over_its_events_in_any_order() -> None:
    links = upstream(DAY, "scores.csv", version="s1")
    assert upstream(list(reversed(DAY)), "scores.csv", version="s1") == links
    assert upstream(iter(DAY), "scores.csv", version="s1") == links


def test_a_name_that_nobody_used_says_which_one_is_near() -> None:
    with pytest.raises(NotFoundError, match="no run read or made") as caught:
        upstream(DAY, "churn.modell")
    assert caught.value.hint == "did you mean 'churn.model'?"
    with pytest.raises(NotFoundError, match="name and version"):
        downstream(DAY, "churn.model", version="m7")


def test_a_name_that_fits_two_data_sets_is_not_guessed_at() -> None:
    there = ("../bike/orders.csv", "d1")
    events = [*DAY, *_told("w", "train", 9, dict([there]), {"model": "m1"}, project="bike")]
    with pytest.raises(InputError, match="more than one data set") as caught:
        downstream(events, "orders.csv")
    assert caught.value.found == "file//shops/bike/orders.csv, file/churn/orders.csv"
    assert _ids(downstream(events, "file/churn/orders.csv", version="d1"))[0] == ("t1", 1)
    assert _ids(downstream(events, "file//shops/bike/orders.csv")) == [("w", 1)]


_GRAPH = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(0, 5)), max_size=12
)


@given(runs=_GRAPH)
def test_upstream_and_downstream_are_one_relation_seen_from_both_ends(
    runs: list[tuple[str, str, int]],
) -> None:
    events = [
        event
        for number, (read, made, hour) in enumerate(runs)
        for event in _told(str(number), "labels", hour, {f"{read}.csv": ""}, {f"{made}.csv": ""})
    ]
    sources = {f"{read}.csv" for read, _, _ in runs}
    results = {f"{made}.csv" for _, made, _ in runs}
    for source in sources:
        onward = {
            out.name.removeprefix("churn/"): True
            for link in downstream(events, source)
            for out in link.outputs
        }
        for result in results:
            back = {one.name for link in upstream(events, result) for one in link.inputs}
            assert (f"churn/{source}" in back) == (result in onward)


def test_ten_years_of_nightly_runs_are_walked() -> None:
    events = [
        event
        for day in range(3650)
        for event in _told(str(day), "train", 24 * day, {"orders.csv": str(day)}, {"model": "m"})
    ]
    assert len(upstream(events, "churn.model")) == 3650
