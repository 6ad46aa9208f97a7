"""A declared repair reads a value in the same way in a file, in a request and in a raw frame."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.bundle import Blocks, Input, Manifest, Repair
from evermodel.bundle.encode import Encoder
from evermodel.errors import DataError, RequestError
from evermodel.loop.reading import bundle_repairs, missing_words
from evermodel.project import Project, Reading, parse_project
from evermodel.project import Repair as Declared
from tests.bundle.test_encoding import same

WORDS = {
    "number": ["-999", "-999.0", "-9.99e2", "12 kg", " 7.50", "7.5", "0", "12", "none", "n/a", "",
               "$5", "-$5.00", "($ 7)", "$-3", "(none)", "- $", "+$4", "$"],
    "category": ["a", "a.", " a", "A", "b", "NA", " NA ", "?", "none", "1", "1.0", "", "  "],
    "boolean": ["true", "false", "Y", "N", "y.", "1", "0", "9", "none", ""],
    "timestamp": [
        "2026-01-31", "2026-01-31 12:00:00", "1900-01-01", "1900-01-01 00:00:00", "never",
        "2026-01-31T12:00:00+01:00", "", "none",
    ],
}  # fmt: skip
_PROJECT = '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="y"\ntask="binary"\n'
KINDS = st.sampled_from(sorted(WORDS))


@st.composite
def repaired(draw: st.DrawFn) -> tuple[str, Declared, list[str]]:
    """Return a type, a repair of such a column, and its raw texts."""
    kind: Any = draw(KINDS)
    words = st.sampled_from(WORDS[kind])
    some = words.filter(bool)
    repair = Declared(
        strip=draw(st.sampled_from(["", " ", ".", " kg", "a", "$"])),
        map=draw(st.dictionaries(some, some, max_size=3)),
        missing=("nowhere", *draw(st.lists(some, max_size=2))),
        type=kind,
    )
    return kind, repair, draw(st.lists(words, min_size=1, max_size=6))


def project(repair: Declared, **reading: Any) -> Project:
    read = parse_project(_PROJECT)
    data = msgspec.structs.replace(read.data, repairs={"x": repair}, reading=Reading(**reading))
    return msgspec.structs.replace(read, data=data)


def encoder(kind: Any, table: tables.Table, of: Project) -> Encoder:
    item = Input(
        name="x",
        type=kind,
        missing=missing_words(table, of).get("x", ()),
        repair=bundle_repairs(table, of)["x"],
    )
    again = msgspec.json.decode(msgspec.json.encode(item), type=Input)
    return Encoder(Manifest(project="p", task="binary", target="y", inputs=(again,)))


def read(source: Path, of: Project) -> tables.Table:
    return tables.read(source, repairs=of.data.repairs, reading=of.data.reading)


def numbered(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"n": list(range(len(texts))), "x": texts})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(repaired())
@example(("category", Declared(missing=("nowhere", "a"), type="category"), [" a"]))
def test_a_file_a_request_and_a_raw_frame_become_the_same_blocks(
    case: tuple[str, Declared, list[str]],
) -> None:
    kind, repair, texts = case
    of = project(repair)
    with TemporaryDirectory() as home:
        path = Path(home) / "rows.csv"
        numbered(texts).write_csv(path, quote_style="non_numeric")
        try:
            table = read(path, of)
        except DataError:
            return
    one = encoder(kind, table, of)
    trained = one.frame(table.frame, repaired=True)
    records = [{"x": text or None} for text in texts]
    same(trained, one.records(records))
    same(trained, Blocks.concat([one.records([record]) for record in records]))
    same(trained, one.frame(pl.DataFrame({"x": [text or None for text in texts]})))


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([-999.0, -999.5, 7.0, 7.5, 0.0, 12.0]), min_size=1, max_size=5),
    st.dictionaries(st.sampled_from(["7", "7.0", "7.5", "12"]), st.just("3"), max_size=2),
    st.lists(st.sampled_from(["-999", "-999.0", "0", "-9.995e2", "n/a"]), max_size=2),
    st.booleans(),
)
def test_numbers_of_a_typed_file_are_read_as_those_of_a_request(
    values: list[float], mapped: dict[str, str], missing: list[str], everywhere: bool
) -> None:
    repair = Declared(map=mapped, missing=() if everywhere else tuple(missing))
    of = project(repair, missing=tuple(missing) if everywhere else ())
    with TemporaryDirectory() as home:
        path = Path(home) / "rows.parquet"
        pl.DataFrame({"n": list(range(len(values))), "x": values}).write_parquet(path)
        table = tables.read(
            path, repairs=of.data.repairs, reading=of.data.reading, types={"x": "number"}
        )
    one = encoder("number", table, of)
    trained = one.frame(table.frame, repaired=True)
    same(trained, one.records([{"x": value} for value in values]))
    same(trained, one.frame(pl.DataFrame({"x": values})))


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("x", [-999, 5, 7]),
        pl.Series("x", [-999.0, 5.0, 7.0], dtype=pl.Float32),
        pl.Series("x", ["-999", "5", "7"]),
        pl.Series("x", ["-999.0", "5", "7"]),
    ],
)
@pytest.mark.parametrize("code", ["-999", "-999.0"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_code_for_missing_is_a_number_however_the_file_holds_it(
    tmp_path: Path, column: pl.Series, code: str, everywhere: bool
) -> None:
    pl.DataFrame([column]).write_parquet(tmp_path / "rows.parquet")
    found = tables.read(
        tmp_path / "rows.parquet",
        reading=Reading(missing=(code,) if everywhere else ()),
        repairs={} if everywhere else {"x": Declared(missing=(code,))},
        types={"x": "number"},
    )
    assert found.frame["x"].to_list() == [None, 5, 7]
    batches = list(
        tables.scan(
            tmp_path / "rows.parquet",
            reading=Reading(missing=(code,) if everywhere else ()),
            repairs={} if everywhere else {"x": Declared(missing=(code,))},
            types={"x": "number"},
        )
    )
    assert batches[0]["x"].to_list() == [None, 5, 7]


def test_codes_of_whole_numbers_become_words_from_any_file(tmp_path: Path) -> None:
    of = project(Declared(map={"1": "yes", "2": "no"}))
    found = []
    for name, values in (("a.csv", [1, 2]), ("b.parquet", [1, 2]), ("c.parquet", [1.0, 2.0])):
        rows = pl.DataFrame({"x": values})
        write: Any = rows.write_csv if name.endswith("csv") else rows.write_parquet
        write(tmp_path / name)
        found.append(read(tmp_path / name, of))
        assert found[-1].frame["x"].to_list() == ["yes", "no"]
    one = encoder("category", found[0], of)
    sents: list[list[Any]] = [[1, 2], [1.0, 2.0], ["1", "2"], ["yes", "no"]]
    for sent in sents:
        records: list[dict[str, Any]] = [{"x": value} for value in sent]
        assert one.records(records).strings.tolist() == [["yes"], ["no"]]


def test_marks_of_a_file_hold_for_texts_and_never_for_numbers(tmp_path: Path) -> None:
    of = project(Declared(strip=" €", missing=("0,5",), type="number"))
    (tmp_path / "rows.csv").write_text("x;n\n1.234,5 €;1\n7,25 €;2\n0,50 €;3\n")
    table = read(tmp_path / "rows.csv", of)
    one = encoder("number", table, of)
    assert table.frame["x"].to_list() == [1234.5, 7.25, None]
    sent: list[dict[str, Any]] = [{"x": "1.234,5 €"}, {"x": 7.25}, {"x": 0.5}]
    same(one.frame(table.frame, repaired=True), one.records(sent))


def test_a_map_that_swaps_two_words_is_made_once() -> None:
    repair = Repair(map={"a": "b", "b": "a"})
    item = Input(name="x", type="category", repair=repair)
    one = Encoder(Manifest(project="p", task="binary", target="y", inputs=(item,)))
    raw = pl.DataFrame({"x": ["a", "b"]})
    assert one.frame(raw).strings.tolist() == [["b"], ["a"]]
    assert one.frame(raw, repaired=True).strings.tolist() == [["a"], ["b"]]


def test_a_text_that_no_repair_makes_a_number_is_refused_by_name() -> None:
    item = Input(name="x", type="number", repair=Repair(strip="kg"))
    one = Encoder(Manifest(project="p", task="binary", target="y", inputs=(item,)))
    with pytest.raises(RequestError, match="'x'"):
        one.records([{"x": "heavy"}])
    with pytest.raises(DataError, match="'x'"):
        one.frame(pl.DataFrame({"x": ["heavy"]}))


def test_a_bundle_from_before_repairs_is_read_as_without_any() -> None:
    old = b'{"name": "x", "type": "category", "missing": ["none"]}'
    item = msgspec.json.decode(old, type=Input)
    assert item.repair is None
    one = Encoder(Manifest(project="p", task="binary", target="y", inputs=(item,)))
    found = one.records([{"x": "none"}, {"x": "a."}, {"x": " a"}])
    assert found.strings.tolist() == [[""], ["a."], [" a"]]


def test_a_sign_that_was_found_in_training_is_taken_off_wherever_the_value_comes_from(
    tmp_path: Path,
) -> None:
    source = tmp_path / "rows.csv"
    source.write_text('x\n"$1,200.50"\n-$3\n($7)\n5\nk.A.\n')
    of = parse_project(_PROJECT)
    table = read(source, of)
    one = encoder("number", table, of)
    expected = one.frame(table.frame, repaired=True)
    served = one.records([{"x": value} for value in ("$1,200.50", "-$3", "($7)", 5, "k.A.")])
    same(expected, served)
    assert served.numbers[:, 0].tolist()[:4] == [1200.5, -3.0, -7.0, 5.0]
    with pytest.raises(RequestError, match="wrong type or value"):
        one.records([{"x": "3 €"}])


def test_a_column_told_to_hold_numbers_takes_no_other_currency(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("x\n3 €\n")
    with pytest.raises(DataError, match="1 of 1 values of column 'x' are not numbers"):
        read(source, project(Declared(strip="$", type="number")))


def test_a_word_that_is_declared_as_it_stands_is_not_stripped_in_a_request(
    tmp_path: Path,
) -> None:
    source = tmp_path / "rows.csv"
    source.write_text('x\n5 km\n"1.207,5 km"\nk.A.\nkein Weg\n')
    declared = Declared(strip="km", type="number", missing=("k.A.",), map={"kein Weg": "0"})
    of = project(declared)
    table = read(source, of)
    one = encoder("number", table, of)
    served = one.records([{"x": value} for value in ("5 km", "1.207,5 km", "k.A.", "kein Weg")])
    same(one.frame(table.frame, repaired=True), served)
    assert np.isnan(served.numbers[2, 0])
    assert served.numbers[[0, 1, 3], 0].tolist() == [5.0, 1207.5, 0.0]
    for other in ("500 m", "5 k", "5 kmk"):
        with pytest.raises(RequestError, match="wrong type or value"):
            one.records([{"x": other}])


def test_a_bundle_that_says_no_first_year_keeps_the_one_it_was_made_with() -> None:
    assert msgspec.json.decode(b"{}", type=Repair).first_year == 1970
    usual = msgspec.json.encode(Repair(first_year=Reading().first_year))
    assert usual == b'{"first_year":1969}'
