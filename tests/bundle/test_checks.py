"""The checks of a project travel in its bundle, as a part with a version of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evermodel.bundle import Checks, load, rules_of
from evermodel.bundle.checks import CHECKS_VERSION
from evermodel.errors import BundleError
from tests.bundle.graphs import COLUMNS, TRUSTED, sign, write


def test_sentences_about_inputs_travel_with_the_bundle(tmp_path: Path) -> None:
    asked = rules_of(["tenure is between 0 and 80", "charges is at least 0 (warn)"], COLUMNS)
    write(tmp_path / "b", more={"checks": msgspec.json.encode(asked)})
    sign(tmp_path / "b")
    found = load(tmp_path / "b", trusted=TRUSTED).checks
    assert found == asked
    assert [(rule.column, rule.low, rule.high, rule.level) for rule in found.rules] == [
        ("tenure", 0.0, 80.0, "fail"),
        ("charges", 0.0, None, "warn"),
    ]


def test_a_bundle_without_the_part_loads_and_asks_for_nothing(tmp_path: Path) -> None:
    write(tmp_path / "b")
    assert load(tmp_path / "b", trusted=None).checks == Checks()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"format_version": %d, "rules": [], "more": 1}' % (CHECKS_VERSION + 1), "later format"),
        (b'{"format_version": 1, "rules": [{"kind": "odd"}]}', "damaged"),
        (b"{}", "damaged"),
        (b"no JSON", "damaged"),
    ],
)
def test_checks_that_are_not_understood_are_refused_rather_than_passed_by(
    tmp_path: Path, content: bytes, words: str
) -> None:
    write(tmp_path / "b", more={"checks": content})
    with pytest.raises(BundleError, match=words):
        load(tmp_path / "b", trusted=None)


def test_what_one_row_of_a_request_cannot_show_is_left_to_the_tables() -> None:
    asked = [
        "tenure is unique",
        "left is one of yes, no",
        "customer is never missing",
        "mine:check",
    ]
    assert rules_of(asked, COLUMNS).rules == ()


def test_a_bound_of_a_time_is_a_moment() -> None:
    (rule,) = rules_of(["joined is at least 2026-01-31"], COLUMNS).rules
    assert rule.low == 1_769_817_600 * 1e6
