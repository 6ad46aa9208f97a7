"""A record that the model cannot read is refused by name, in words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evermodel.bundle import Input
from evermodel.bundle.encode import NOT_IN_NAMES, Encoder
from evermodel.errors import BundleError, RequestError
from tests.bundle.graphs import ROW, manifest

ENCODER = Encoder(manifest(keys=("customer",), ignored=("note",)))


def refusal(records: Any, encoder: Encoder = ENCODER) -> RequestError:
    with pytest.raises(RequestError) as caught:
        encoder.records(records)
    return caught.value


def json_refusal(records: Any, encoder: Encoder = ENCODER) -> RequestError:
    """Return the refusal of the same records decoded from JSON, as the server reads them."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode(records), type=list[encoder.row_type])  # type: ignore[name-defined]
    return encoder.explain(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "hint"),
    [
        ("tenure", "5", "send a number or null"),
        ("tenure", True, "send a number or null"),
        ("tenure", [5], "send a number or null"),
        ("charges", "free", "send a number or null"),
        ("paperless", 1, "send true, false or null"),
        ("paperless", "yes", "send true, false or null"),
        ("plan", 3, "send a text or null"),
        ("plan", 1.0, "send a text or null"),
        ("joined", 1769860800, 'send a time such as "2026-01-31T12:00:00" or null'),
        ("joined", "31.01.2026", 'send a time such as "2026-01-31T12:00:00" or null'),
        ("joined", "", 'send a time such as "2026-01-31T12:00:00" or null'),
        ("tenure", float("inf"), "send a number or null"),
        ("charges", float("-inf"), "send a number or null"),
        ("tenure", 10**400, "send a number or null"),
    ],
)
def test_a_wrong_value_is_refused_with_its_column_and_what_to_send(
    column: str, value: Any, hint: str
) -> None:
    error = refusal([ROW, {**ROW, column: value}])
    assert f"column {column!r} has the wrong type" in error.what
    assert error.where == "row 1"
    assert error.found
    assert error.hint == hint
    assert error.status == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {**ROW, "tenure": "x"},
        {**ROW, "charges": "x"},
        {**ROW, "joined": "x"},
        {**ROW, "tenure": float("inf")},
        {**ROW, "unheard": 1},
        {"tenure": 1},
    ],
    ids=str,
)
def test_the_refusal_of_a_single_record_names_no_row(wrong: dict[str, Any]) -> None:
    assert refusal([wrong]).where == ""


def test_an_unknown_column_is_refused_with_the_nearest_known_one() -> None:
    error = refusal([{**ROW, "tenures": 1}])
    assert error.what == "unknown column 'tenures'"
    assert error.hint == "did you mean 'tenure'?"
    far = refusal([{**ROW, "zzz": 1}])
    assert "tenure" in far.hint
    assert "customer" in far.hint


def test_an_absent_column_is_refused_and_null_offered() -> None:
    error = refusal([ROW, {k: v for k, v in ROW.items() if k != "plan"}])
    assert error.what == "column 'plan' is absent"
    assert error.where == "row 1"
    assert '{"plan":null}' in error.hint


def test_keys_and_ignored_columns_may_be_sent_and_left_out() -> None:
    plain = ENCODER.records([ROW])
    full = ENCODER.records([{**ROW, "customer": 7, "note": {"any": ["thing"]}}])
    assert (plain.strings == full.strings).all()
    row = msgspec.convert({**ROW, "customer": 7}, ENCODER.row_type)
    assert ENCODER.key(row) == {"customer": 7}
    assert ENCODER.key(msgspec.convert(ROW, ENCODER.row_type)) is None


@pytest.mark.parametrize("records", [[3], [[1, 2]], ["row"], [None], [{1: 2}]], ids=str)
def test_what_is_no_record_is_refused(records: Any) -> None:
    assert refusal(records).what == "not a record of columns"


AWKWARD = [
    "a.b",
    "a.b.c",
    "x[0]",
    "[0].x",
    "$",
    "`",
    "tick ` - at `$[3].tenure",
    "class",
    "f0",
    "",
    "größe",
    "金额 (元)",
    "'quoted'",
    "a - at `$",
    "...",
    "[...]",
    "row",
    "🦜",
]


@pytest.mark.parametrize("name", AWKWARD)
def test_errors_name_columns_with_dots_brackets_and_quotes_exactly(name: str) -> None:
    inputs = (
        Input(name=name, type="number"),
        Input(name="b", type="number"),
        Input(name="c", type="number"),
    )
    encoder = Encoder(manifest(inputs=inputs))
    row = {name: 1.0, "b": 2.0, "c": 3.0}
    assert encoder.records([row]).numbers.tolist() == [[1, 2, 3]]
    for refuse in (refusal, json_refusal):
        wrong = refuse([row, {**row, name: "text"}], encoder)
        assert wrong.what == f"column {name!r} has the wrong type"
        assert wrong.where == "row 1"
        assert wrong.found == "str"
        assert wrong.hint == "send a number or null"
        absent = refuse([row, {"b": 2.0, "c": 3.0}], encoder)
        assert absent.what == f"column {name!r} is absent"
        assert absent.where == "row 1"
        unknown = refuse([row, {**row, f"{name}?": 1.0}], encoder)
        assert unknown.what == f"unknown column {f'{name}?'!r}"
        assert unknown.where == "row 1"


@pytest.mark.parametrize("name", ['6" pipe', "two\nlines", "back\\slash"])
def test_a_name_that_no_request_can_hold_as_it_is_is_refused_when_the_model_is_made(
    name: str,
) -> None:
    with pytest.raises(BundleError, match="holds a quote, a backslash or a control character"):
        Encoder(manifest(inputs=(Input(name=name, type="number"),)))
    with pytest.raises(BundleError, match="holds a quote"):
        Encoder(manifest(keys=(name,)))
    assert len(Encoder(manifest(ignored=(name,))).records([ROW])) == 1


NAMES = st.text(st.characters(codec="utf-8"), max_size=8).filter(
    lambda name: not NOT_IN_NAMES.search(name)
)


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.data())
@example(["a.b", "b", "a"], None)
def test_the_wrong_column_is_named_whatever_columns_are_called(names: list[str], data: Any) -> None:
    encoder = Encoder(manifest(inputs=tuple(Input(name=n, type="number") for n in names)))
    row = dict.fromkeys(names, 1.0)
    wrong = names[0] if data is None else data.draw(st.sampled_from(names))
    error = json_refusal([row, row, {**row, wrong: "text"}], encoder)
    assert error.what == f"column {wrong!r} has the wrong type"
    assert error.where == "row 2"


def test_an_error_beyond_the_records_is_not_taken_for_a_column_that_is_called_alike() -> None:
    inputs = (Input(name="a.b", type="number"), Input(name="b", type="category"))
    encoder = Encoder(manifest(inputs=inputs))
    error = json_refusal([{"a.b": "text", "b": "text"}], encoder)
    assert error.what == "column 'a.b' has the wrong type"
    assert error.hint == "send a number or null"
