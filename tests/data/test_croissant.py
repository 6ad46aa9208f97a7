"""Croissant documents: valid, readable row by row as the very rows, and open about their gaps."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import mlcroissant  # type: ignore[import-untyped]
import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from evermodel.data import check
from evermodel.data.documents.answers import Answers, Catalogue
from evermodel.data.documents.croissant import RECORDS, croissant, field_id, missing_fields
from evermodel.data.documents.croissant_rows import RowsFile, rows_file
from evermodel.data.documents.datasheet import datasheet
from evermodel.data.documents.documenting import CROISSANT_FILE, document
from evermodel.data.documents.questions import QUESTIONS
from evermodel.data.documents.table_facts import table_facts
from evermodel.project import parse_project
from evermodel.records import Report
from evermodel.tables import Table, digest, read
from tests.real import real_data

# Of the reader itself, in how it uses other libraries.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame:DeprecationWarning"),
]

FULL = Answers(
    given={question.name: f"We say {question.key}." for question in QUESTIONS},
    catalogue=Catalogue(
        name="Bills",
        description="Bills of a shop.",
        url="https://shop.example/bills",
        licence="https://spdx.org/licenses/CC-BY-4.0.html",
        version="1.2.0",
        published="2026-03-01",
        creators=("Ada Example",),
        organisations=("Example Shop",),
        keywords=("bills", "shop"),
        languages=("en",),
        citation="@misc{bills}",
        derived_from=("https://shop.example/till", "the old ledger"),
        synthetic=False,
    ),
)
REQUIRED = ("name", "description", "license", "url", "creator", "datePublished", "distribution")
MINIMAL_RAI = (
    "rai:dataLimitations",
    "rai:dataBiases",
    "rai:personalSensitiveInformation",
    "rai:dataUseCases",
    "rai:dataSocialImpact",
    "rai:hasSyntheticData",
    "prov:wasDerivedFrom",
    "prov:wasGeneratedBy",
)


def told(source: str | Path, folder: Path, answers: Answers = FULL, **more: Any) -> Report:
    """Document what lies at a source, in a folder."""
    table = read(source)
    return document(
        table,
        report=check(table),
        answers=answers,
        digest=digest(table.frame),
        source_name=str(source),
        source=source,
        folder=folder,
        **more,
    )


def described(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / CROISSANT_FILE).read_text("utf-8"))
    return found


def records(folder: Path, most: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows as any reader of Croissant gets them, texts decoded."""
    data = mlcroissant.Dataset(str(folder / CROISSANT_FILE))
    assert not data.metadata.ctx.issues.errors
    for record in islice(data.records(RECORDS), most):
        yield {k: v.decode() if isinstance(v, bytes) else v for k, v in record.items()}


def assert_rows(folder: Path, frame: pl.DataFrame, most: int | None = None) -> None:
    """Compare each value and its type; floats may differ by the last bit of their parsers."""
    found = list(records(folder, most))
    expected = frame.head(most) if most else frame
    assert len(found) == expected.height
    for record, row in zip(found, expected.iter_rows(named=True), strict=True):
        for name, value in row.items():
            got = record[field_id(name)]
            if isinstance(value, float):
                assert isinstance(got, float)
                assert got == pytest.approx(value, rel=4.5e-16, abs=0.0)
            elif isinstance(value, datetime):
                assert got.to_pydatetime() == value
            else:
                assert got == value, name
                assert type(got) is type(value), name


BILLS = "id,plan,price,sold,paid\n1,basic,1.5,2026-01-31,yes\n2,,2.25,2026-02-01,no\n"


@pytest.fixture
def bills(tmp_path: Path) -> Path:
    path = tmp_path / "bills.csv"
    path.write_text(BILLS)
    return path


def test_a_plain_csv_is_read_itself_and_gives_its_rows(bills: Path) -> None:
    report = told(bills, bills.parent)
    document = described(bills.parent)
    assert document["distribution"][0]["contentUrl"] == "bills.csv"
    assert document["distribution"][0]["encodingFormat"] == "text/csv"
    assert not list(bills.parent.glob("*.parquet"))
    assert report.find("rows_for_readers").why == "the file itself"
    assert_rows(bills.parent, read(bills).frame)
    kinds = [field["dataType"] for field in document["recordSet"][0]["field"]]
    assert kinds == ["sc:Integer", "sc:Text", "sc:Float", "sc:DateTime", "sc:Text"]


def test_a_document_is_valid_and_its_fields_arrive_in_a_reader(bills: Path) -> None:
    report = told(bills, bills.parent)
    assert report.verdict == "pass"
    assert report.facts["fields"] == []
    data = mlcroissant.Dataset(str(bills.parent / CROISSANT_FILE))
    found = data.metadata
    assert not found.ctx.issues.errors
    assert not found.ctx.issues.warnings
    assert found.ctx.is_v1_1()
    assert (found.name, found.version, found.license) == (
        "Bills",
        "1.2.0",
        ["https://spdx.org/licenses/CC-BY-4.0.html"],
    )
    assert [creator.name for creator in found.creators] == ["Ada Example", "Example Shop"]
    assert found.data_limitations == ["We say limits.", "Not to be used for: We say avoid."]
    assert found.data_use_cases[0] == "We say intended."
    assert found.data_social_impact == "We say impact."
    assert found.data_biases == ["We say biases."]
    assert found.personal_sensitive_information[0] == "We say sensitive."
    assert found.data_collection == "We say process."
    assert found.data_preprocessing_protocol == ["We say steps."]
    assert "1 of 5 columns" in found.data_collection_missing_data
    again = found.to_json()
    assert {key for key in (*REQUIRED, *MINIMAL_RAI) if key not in again} == set()


@pytest.mark.parametrize("field", [*REQUIRED, "@context", "@type", "conformsTo", *MINIMAL_RAI])
def test_every_field_that_is_asked_for_is_missed(bills: Path, field: str) -> None:
    told(bills, bills.parent)
    document = described(bills.parent)
    assert missing_fields(document) == ()
    left = {key: value for key, value in document.items() if key != field}
    for less in (left, left | {field: ""}, left | {field: []}, left | {field: [" "]}):
        assert [gap.field for gap in missing_fields(less)] == [field]


def test_a_missing_name_passes_elsewhere_and_not_here(bills: Path) -> None:
    told(bills, bills.parent)
    document = described(bills.parent)
    del document["name"]
    passed = mlcroissant.Dataset(document)
    assert not passed.metadata.ctx.issues.errors
    assert [gap.field for gap in missing_fields(document)] == ["name"]


def test_gaps_are_left_out_and_told_with_how_to_fill_them(bills: Path) -> None:
    report = told(bills, bills.parent, Answers())
    document = described(bills.parent)
    assert document["name"] == "bills"
    assert not {"license", "url", "creator", "rai:dataLimitations"} & set(document)
    gaps = {gap["field"]: gap["fill"] for gap in report.facts["fields"]}
    assert set(gaps) == {*REQUIRED, *MINIMAL_RAI} - {"name", "distribution"}
    assert gaps["rai:dataLimitations"] == "answer uses.limits in datasheet.toml"
    assert_rows(bills.parent, read(bills).frame)


def test_what_is_only_measured_leaves_the_human_part_open(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    pl.DataFrame({"sex": ["m", "f"] * 60, "email": ["a@b.example"] * 120}).write_csv(path)
    report = told(path, tmp_path, Answers())
    seen = described(tmp_path)["rai:personalSensitiveInformation"]
    assert any("email" in one for one in seen)
    assert any("sex" in one for one in seen)
    fields = [gap["field"] for gap in report.facts["fields"]]
    assert "rai:personalSensitiveInformation" in fields


def test_a_licence_in_words_and_data_from_nowhere_are_valid_too(bills: Path) -> None:
    entry = msgspec.structs.replace(
        FULL.catalogue, licence="only within the shop", derived_from=("none",), synthetic=True
    )
    told(bills, bills.parent, msgspec.structs.replace(FULL, catalogue=entry))
    document = described(bills.parent)
    assert document["rai:hasSyntheticData"] is True
    assert document["license"]["name"] == "only within the shop"
    assert missing_fields(document) == ()
    assert_rows(bills.parent, read(bills).frame)


MESSY = (
    "Größe;Preis;Tag;Code;Name;Zahl\n"
    '7;1,5;31.01.2020;007;"Müller; ""Ö""";12\n'
    "8;2.000,25;15.02.2020;012;NA;\n"
    'NA;-3,75;;013;"zwei\nZeilen";-13\n'
)


def test_a_messy_file_is_read_from_a_snapshot_beside_the_document(tmp_path: Path) -> None:
    path = tmp_path / "preise.csv"
    path.write_bytes(MESSY.encode("cp1252"))
    report = told(path, tmp_path)
    frame = read(path).frame
    assert frame.schema["Zahl"] == pl.Int64
    assert frame.schema["Preis"] == pl.Float64
    assert frame.schema["Tag"] == pl.Datetime("us")
    assert frame["Zahl"].to_list() == [12, None, -13]
    assert_rows(tmp_path, frame)
    rows = described(tmp_path)["distribution"][0]
    assert rows["encodingFormat"] == "application/x-parquet"
    assert (tmp_path / rows["contentUrl"]).is_file()
    assert "a copy as parquet was written" in report.find("rows_for_readers").why


@pytest.mark.parametrize(
    "text",
    [
        "code,x\n007,1\n008,2\n",
        "note,x\nNone,1\nnull,2\nyes,3\n",
        "day,x\n03/04/2020,1\n25/04/2020,2\n",
        "flag,x\nyes,1\nno,2\n",
        "amount,x\n$1.50,1\n$2.50,2\n",
        'big,x\n"1,200",1\n"2,300",2\n',
        "m,x\n9007199254740991,1\n,2\n",
        "a,x\n1,1\n2,2\n,\nTotal,3\n",
        "m,x\n1,1\n,2\n3,3\n",
        "t,x\n 5,1\n 6,2\n",
    ],
)
def test_where_plain_reading_would_alter_a_value_it_is_not_left_to_it(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    told(path, tmp_path)
    assert_rows(tmp_path, read(path).frame)


NAMES = [
    "unit price (€)", "a/b", "x?y#z", "cr:foo", "http://x.example/y", "50%", "%20", " ", "..",
    'say "it"', "tab\tname", "line\nname", "index", "level_0", "content", "filepath", "@id", "rows",
    "{brace}", "back\\slash", "Ä ö", "trailing ", " leading", "",
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_any_name_of_a_column_works(tmp_path: Path, suffix: str) -> None:
    frame = pl.DataFrame({name: [i, i + 1] for i, name in enumerate(NAMES)})
    assert len({field_id(name) for name in NAMES}) == len(NAMES)
    path = tmp_path / f"names{suffix}"
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    table = Table(frame=frame, schema=None, understood=None)  # type: ignore[arg-type]
    rows = rows_file(table, tmp_path, source=path)
    sheet = datasheet(table_facts(frame), None, FULL)
    (tmp_path / CROISSANT_FILE).write_text(json.dumps(croissant(sheet, rows)))
    assert_rows(tmp_path, frame)


cells = st.one_of(
    st.none(),
    st.sampled_from(["NA", "None", "007", "1e5", "True", "no", "1.0", "2020-01-02", "1,5", "inf"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6),
    st.sampled_from(['a "b"', "two\nlines", "x,y", " "]),
)


@given(st.lists(st.tuples(cells, cells, st.integers(-9, 10**6)), min_size=2, max_size=12))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_comes_back_as_it_was_read(tmp_path: Path, rows: list[Any]) -> None:
    path = tmp_path / "any.csv"
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String, "c": pl.Int64}, orient="row")
    frame.write_csv(path)
    table = read(path)
    told(path, tmp_path)
    assert_rows(tmp_path, table.frame)


def test_no_place_on_a_machine_is_named_and_a_moved_folder_works(tmp_path: Path) -> None:
    home = tmp_path / "ada"
    (home / "data").mkdir(parents=True)
    path = home / "data" / "bills.csv"
    path.write_text(BILLS)
    told(path, home / "documents", root=home)
    text = (home / "documents" / CROISSANT_FILE).read_text()
    assert '"../data/bills.csv"' in text
    assert str(tmp_path) not in text
    assert "ada" not in text
    shutil.move(home, tmp_path / "moved")
    assert_rows(tmp_path / "moved" / "documents", read(tmp_path / "moved/data/bills.csv").frame)


def test_a_file_outside_of_the_project_is_not_named_but_copied(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "bills.csv"
    path.parent.mkdir()
    path.write_text(BILLS)
    told(path, tmp_path / "project")
    assert "elsewhere" not in (tmp_path / "project" / CROISSANT_FILE).read_text()
    assert described(tmp_path / "project")["distribution"][0]["contentUrl"].startswith("rows-")
    assert_rows(tmp_path / "project", read(path).frame)


def test_a_changed_file_is_noticed_by_its_digest(bills: Path) -> None:
    told(bills, bills.parent)
    bills.write_text(BILLS.replace("2.25", "2.35"))
    with pytest.raises(Exception, match="Download") as caught:
        list(records(bills.parent))
    assert "not identical with the reference" in str(caught.value.__cause__)


def test_a_new_snapshot_replaces_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x;y\n1,5;a\n")
    told(path, tmp_path)
    first = described(tmp_path)["distribution"][0]["contentUrl"]
    (tmp_path / "rows-of-mine.parquet").write_bytes(b"kept")
    path.write_text("x;y\n2,5;b\n")
    told(path, tmp_path)
    second = described(tmp_path)["distribution"][0]["contentUrl"]
    assert {p.name for p in tmp_path.glob("*.parquet")} == {second, "rows-of-mine.parquet"}
    assert first != second
    path.write_text("x,y\n2.5,b\n")
    told(path, tmp_path)
    assert {p.name for p in tmp_path.glob("*.parquet")} == {"rows-of-mine.parquet"}


def test_types_that_text_does_not_tell_come_back_from_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "yes": [True, None, False],
            "sure": [True, False, True],
            "huge": [2**53 + 1, None, -(2**62) - 1],
            "all huge": [2**53 + 1, 5, 2**62 + 1],
            "part": [1.5, None, float("inf")],
            "when": [datetime(2026, 1, 1, 3, 4, 5, 678901), None, datetime(1850, 1, 1)],
            "word": ["", None, "NA"],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    told(tmp_path / "a.parquet", tmp_path)
    assert_rows(tmp_path, read(tmp_path / "a.parquet").frame)
    (tmp_path / "by hand").mkdir()
    rows = rows_file(frame, tmp_path / "by hand")
    document = croissant(datasheet(table_facts(frame), None, FULL), rows)
    (tmp_path / "by hand" / CROISSANT_FILE).write_text(json.dumps(document))
    assert_rows(tmp_path / "by hand", frame)


def test_tables_of_a_database_and_of_delta_lake_are_described(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table orders (id integer, price real, note text)")
        database.executemany("insert into orders values (?, ?, ?)", [(1, 1.5, "a"), (2, None, "b")])
    database.close()
    address = f"sqlite:///{tmp_path / 'shop.db'}?table=orders"
    told(address, tmp_path / "one")
    assert_rows(tmp_path / "one", read(address).frame)
    assert str(tmp_path) not in (tmp_path / "one" / CROISSANT_FILE).read_text()
    frame = pl.DataFrame({"id": [1, 2], "when": [datetime(2026, 1, 1), None]})
    frame.write_delta(str(tmp_path / "delta"))
    told(tmp_path / "delta", tmp_path / "two")
    assert_rows(tmp_path / "two", read(tmp_path / "delta").frame)


def test_labels_keys_and_times_are_told(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "order_id": [f"B{i:05d}" for i in range(80)],
            "ordered": [datetime(2026, 1, 1) + timedelta(days=i) for i in range(80)],
            "late": ["yes", "no"] * 40,
        }
    )
    text = '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="late"\ntask="binary"\n'
    facts = table_facts(frame, project=parse_project(text + 'key=["order_id"]\ntime="ordered"'))
    rows = rows_file(frame, tmp_path)
    document = croissant(datasheet(facts, None, FULL), rows)
    assert document["temporalCoverage"] == "2026-01-01/2026-03-21"
    assert document["recordSet"][0]["key"] == {"@id": "rows/order_id"}
    kinds = {f["name"]: f["dataType"] for f in document["recordSet"][0]["field"]}
    assert kinds["late"] == ["sc:Text", "cr:Label"]
    (tmp_path / CROISSANT_FILE).write_text(json.dumps(document))
    assert_rows(tmp_path, frame)


def test_a_document_reads_like_this(snapshot: SnapshotAssertion) -> None:
    frame = pl.DataFrame({"plan": ["a", "b"] * 30, "price": [1.5, None, 2.5] * 20})
    rows = RowsFile(
        path="data/bills.csv",
        format="text/csv",
        size=812,
        sha256="9f" * 32,
        columns={"plan": "plan", "price": "price"},
    )
    found: Mapping[str, Any] = croissant(datasheet(table_facts(frame), check(frame), FULL), rows)
    shown = {key: value for key, value in found.items() if key != "@context"}
    assert json.dumps(shown, indent=2, ensure_ascii=False) == snapshot


@pytest.mark.real
@pytest.mark.parametrize(
    ("relative", "itself", "most"),
    [
        ("beers/dirty.csv", True, None),
        ("rayyan/dirty.csv", False, None),
        ("pm25/beijing_pm25.csv", True, 1_000),
        ("adult/adult.parquet", False, 1_000),
        ("elec2/elec2.parquet", True, 500),
        ("churn/telco_churn.csv", False, 500),
    ],
)
def test_real_tables_come_back_as_they_were_read(
    tmp_path: Path, relative: str, itself: bool, most: int | None
) -> None:
    path = tmp_path / Path(relative).name
    shutil.copyfile(real_data(relative), path)
    told(path, tmp_path)
    assert (described(tmp_path)["distribution"][0]["contentUrl"] == path.name) is itself
    assert_rows(tmp_path, read(path).frame, most)
