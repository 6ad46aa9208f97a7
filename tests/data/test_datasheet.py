"""Datasheets: questions asked once, gaps that show, numbers measured, and no row of a person."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from evermodel.data import check
from evermodel.data.documents.answers import Answers, answers_text
from evermodel.data.documents.datasheet import Datasheet, datasheet, public_source
from evermodel.data.documents.datasheet_markdown import as_markdown
from evermodel.data.documents.datasheet_pages import as_page
from evermodel.data.documents.documenting import document
from evermodel.data.documents.questions import QUESTIONS
from evermodel.data.documents.table_facts import LEAST_ROWS, MOST_VALUES, TableFacts, table_facts
from evermodel.errors import SurroundingsError
from evermodel.project import Project, parse_project
from evermodel.records import CheckResult, Report
from evermodel.tables import Table, digest, read
from tests.disk import fill, mounted
from tests.real import real_data
from tests.report.test_html import _read

N = 600
SECRET = "Zuleika"


def people() -> pl.DataFrame:
    """Rows of people, each with something in it that nobody else may read."""
    rng = np.random.default_rng(5)
    return pl.DataFrame(
        {
            "customer_id": [f"K{SECRET}{i:05d}" for i in range(N)],
            "full_name": [f"{SECRET} {i}" for i in range(N)],
            "e-mail": [f"{SECRET}{i}@shop.example" for i in range(N)],
            "said": [f"I am {SECRET} and wrote {i} letters to the shop" for i in range(N)],
            "plan": rng.choice(["basic", "plus"], N),
            "town": ["Ulm"] * (N - 3) + [f"{SECRET}ville"] * 3,
            "age": rng.integers(18, 90, N),
            "income": [*rng.normal(40_000, 9_000, N - 1).round(2), 7_654_321.5],
            "ordered": [datetime(2025, 1, 1) + timedelta(days=i % 90) for i in range(N)],
            "left": ["yes" if i % 4 == 0 else "no" for i in range(N)],
        }
    )


def project(target: str = "left", more: str = "") -> Project:
    return parse_project(
        f'[project]\nname = "letters"\n[data]\nsource = "a.csv"\ntarget = "{target}"\n'
        f'task = "binary"\n{more}'
    )


def sheet_of(frame: pl.DataFrame, **more: Any) -> Datasheet:
    report = check(frame)
    facts = table_facts(frame, report=report, project=more.pop("project", None))
    return datasheet(facts, report, more.pop("answers", Answers()), **more)


ANSWERED = Answers(given={question.name: f"We say {question.key}." for question in QUESTIONS})


def test_open_questions_show_as_gaps_with_their_count() -> None:
    some = Answers(given={"motivation.why": "To write letters in time.", "uses.limits": "Spring."})
    sheet = sheet_of(people(), answers=some)
    assert sheet.count == "2 of 15 questions answered"
    assert "not answered yet: who paid for it?" in sheet.gaps
    for text in (as_page(sheet), as_markdown(sheet)):
        assert "2 of 15 questions answered" in text
        assert "To write letters in time." in text
    assert as_page(sheet).count("Not answered yet") == 13
    assert as_markdown(sheet).count("Not answered yet: ") == 13
    assert "Not answered yet" not in as_page(sheet_of(people(), answers=ANSWERED))


def test_counts_gaps_classes_and_times_are_those_of_the_rows() -> None:
    frame = people().with_columns(plan=pl.when(pl.int_range(N) % 3 > 0).then("plan"))
    facts = table_facts(frame, report=check(frame), project=project())
    assert facts.rows == N
    assert facts["plan"].missing == frame["plan"].null_count() == 200
    assert facts["age"].distinct == frame["age"].n_unique()
    assert dict(facts["left"].values) == {"yes": 150, "no": 450}
    assert (facts.target, facts.time) == ("left", "ordered")
    assert (facts.first, facts.last) == ("2025-01-01", "2025-03-31")
    twice = pl.concat([frame, frame.head(7)])
    assert table_facts(twice, report=check(twice)).duplicates == 7
    page = as_page(datasheet(facts, check(frame, project=project()), Answers()))
    assert "How often each value of left occurs" in page
    assert "75 %" in page


def test_a_target_of_many_classes_shows_their_balance() -> None:
    classes = [f"class {i:02d}" for i in range(40) for _ in range(10 + i)]
    frame = pl.DataFrame({"x": range(len(classes)), "left": classes})
    facts = table_facts(frame, project=project())
    assert len(facts["left"].values) == 40
    assert "the 12 most frequent" in as_page(datasheet(facts, None, Answers()))
    assert table_facts(frame)["left"].values == ()


def test_days_are_written_as_days() -> None:
    days = pl.Series("day", [datetime(2026, 1, 1), datetime(2026, 1, 2)] * 30)
    assert table_facts(pl.DataFrame(days))["day"].values[0] == ("2026-01-01", 30)
    hours = days.dt.offset_by("3h").alias("hour")
    assert table_facts(pl.DataFrame(hours))["hour"].values[0] == ("2026-01-01 03:00", 30)


def _published(frame: pl.DataFrame, folder: Path, report: Report | None, **more: Any) -> str:
    """Write a table, document it, and return all that a reader of the documents sees."""
    path = folder / "people.csv"
    frame.write_csv(path)
    told = document(
        read(path),
        report=report,
        answers=Answers(),
        digest=digest(frame),
        source_name=str(path),
        folder=folder / "documents",
        **more,
    )
    files = [Path(name) for name in told.facts["files"]]
    return "".join(path.read_text("utf-8") for path in files if path.suffix != ".parquet")


def test_no_row_of_a_person_is_in_any_document(tmp_path: Path) -> None:
    frame = people()
    report = check(frame, project=project(more='key = ["customer_id"]'))
    shown = CheckResult(
        name="spelling",
        subject="town",
        verdict="warn",
        why=f"'{SECRET}ville' and \"{SECRET}\" and `{SECRET}` are rare; 'plan' is a column",
        slice=f"town={SECRET}ville",
        n=3,
        evidence={"examples": [SECRET], "rows": [1]},
    )
    text = _published(frame, tmp_path, Report(verb="check", results=(*report.results, shown)))
    assert SECRET not in text
    assert "7654321" not in text.replace(",", "")
    assert "basic" in text
    assert "&#x27;plan&#x27; is a column" in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("group", "rows", "shown"),
    [
        ("plan=basic", 300, True),
        ("plan=basic", 9, False),
        ("plan=basic, left=yes", 80, True),
        ("plan=basic & left=yes", 80, True),
        ("age=30 to 39", 80, True),
        (f"town={SECRET}ville", 80, False),
        (f"plan=basic and town={SECRET}ville", 80, False),
        (f"full_name={SECRET} 1", 80, False),
        (SECRET, 80, False),
    ],
)
def test_groups_of_findings_are_named_only_by_values_that_are_shown(
    group: str, rows: int, shown: bool
) -> None:
    frame = people()
    found = CheckResult(name="recall", subject="left", slice=group, n=rows, verdict="warn")
    sheet = datasheet(table_facts(frame), Report(verb="check", results=(found,)), Answers())
    assert (sheet.findings[0].slice == group) is shown
    assert SECRET not in as_page(sheet)


def test_the_smallest_class_is_not_named_where_it_is_a_handful() -> None:
    frame = people().with_columns(
        left=pl.when(pl.int_range(N) < 4).then(pl.lit(SECRET)).otherwise("left")
    )
    report = check(frame, project=project())
    assert SECRET in report.find("rarest_class").slice
    sheet = datasheet(table_facts(frame, project=project()), report, Answers())
    assert SECRET not in as_page(sheet) + as_markdown(sheet)


def test_a_column_that_a_scan_calls_personal_tells_counts_only() -> None:
    frame = pl.DataFrame({"handle": ["ada", "bob"] * 100, "size": [3.5, 4.5] * 100})
    assert table_facts(frame)["handle"].values
    found = CheckResult(name="personal_data", subject="handle", verdict="warn")
    facts = table_facts(frame, report=Report(verb="check", results=(found,)))
    assert facts["handle"].values == ()
    assert facts["handle"].hidden == "personal data"
    assert facts["handle"].distinct == 2
    assert facts.about_people


@pytest.mark.parametrize(
    ("name", "values", "personal"),
    [
        ("Phone", ["0151 2345678", "0151 8765432"], True),
        ("PhoneService", ["Yes", "No"], False),
        ("phone", ["Yes", "No"], False),
        ("email", ["ada@shop.example"], True),
        ("customer_name", ["Ada", "Bob"], True),
        ("beer_name", ["Pale", "Dark"], False),
        ("Telefonnummer", ["0151"], False),
        ("street address", ["Elm 1", "Elm 2"], True),
        ("wall_street_index", ["up", "down"], False),
    ],
)
def test_columns_are_called_personal_by_name_where_no_scan_was_run(
    name: str, values: list[str], personal: bool
) -> None:
    frame = pl.DataFrame({name: values * 60, "x": [1.5] * 60 * len(values)})
    assert (table_facts(frame).personal == (name,)) is personal


columns = st.lists(
    st.one_of(st.none(), st.sampled_from("abcdefghijkl"), st.sampled_from("xy")), min_size=1
)


@given(columns, st.integers(1, 12))
@settings(max_examples=60)
def test_every_value_that_is_shown_stands_in_ten_rows(values: list[Any], times: int) -> None:
    series = pl.Series("c", values * times, dtype=pl.String)
    found = table_facts(pl.DataFrame(series))["c"]
    assert all(rows >= LEAST_ROWS for _, rows in found.values)
    assert len(found.values) <= MOST_VALUES
    if found.values:
        assert dict(found.values) == dict(series.drop_nulls().value_counts().iter_rows())


@given(st.lists(st.floats(-1e6, 1e6), min_size=21, max_size=400, unique=True))
@settings(max_examples=60)
def test_at_least_ten_rows_lie_at_or_beyond_the_end_of_a_range(values: list[float]) -> None:
    series = pl.Series("size", values).round(0)
    found = table_facts(pl.DataFrame({"age": [40] * len(values), "size": series}))["size"]
    assert found.least == found.greatest == ""
    if found.low:
        beyond = round(found.tail * len(values))
        assert beyond >= LEAST_ROWS
        assert series.sort()[beyond - 1] == pytest.approx(
            float(found.low.replace(",", "")), rel=0.01
        )
    else:
        assert len(values) < 5 * LEAST_ROWS or found.values


def test_least_and_greatest_are_shown_only_where_nothing_speaks_of_people() -> None:
    size = [float(i) for i in range(1000)]
    assert table_facts(pl.DataFrame({"size": size}))["size"].greatest == "999"
    people_too = pl.DataFrame({"size": size, "sex": ["m", "f"] * 500})
    assert table_facts(people_too)["size"].greatest == ""
    assert table_facts(people_too)["size"].high == "990"
    keyed = pl.DataFrame({"size": size, "CustomerID": [i // 4 for i in range(1000)]})
    assert table_facts(keyed)["size"].greatest == ""


def test_a_page_is_whole_closed_and_asks_for_nothing() -> None:
    sheet = sheet_of(people(), project=project(), source="/srv/ada/a.csv", digest="9f" * 32)
    text = as_page(sheet)
    reader = _read(text)
    names = {name for name, _ in reader.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "img", "a", "form"}
    for _, attributes in reader.elements:
        assert not [a for a in attributes if a.startswith("on") or a in ("style", "src", "href")]
    assert set(re.findall(r"https?://[^\"'\s<]+", text)) <= {"http://www.w3.org/2000/svg"}
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for a in reader.named("section")} <= set(ids)
    assert all(a.get("aria-label") for a in reader.named("svg"))
    assert len(reader.named("h1")) == 1
    assert "/srv/ada" not in text
    assert "prefers-color-scheme:dark" in text


def test_it_is_called_evidence_and_never_more() -> None:
    for text in (as_page(sheet_of(people())), as_markdown(sheet_of(people())), answers_text()):
        assert "complian" not in text.lower()
    assert "evidence for a judgement" in as_page(sheet_of(people()))


HOSTILE = "<script>alert(1)</script>|[x](http://evil.example)`_*"


def test_names_values_and_answers_cannot_act_as_markup() -> None:
    frame = pl.DataFrame({HOSTILE: [HOSTILE, "b"] * 50, "y": ["yes", "no"] * 50})
    answers = Answers(given={question.name: f"# {HOSTILE}" for question in QUESTIONS})
    sheet = sheet_of(frame, answers=answers, name=HOSTILE, source=f"a/{HOSTILE}")
    page, text = as_page(sheet), as_markdown(sheet)
    assert "script" not in {name for name, _ in _read(page).elements}
    assert "\n# " not in text.removeprefix("# ")
    assert not re.search(r"(?<!\\)<script", text)
    assert not re.search(r"(?<!\\)\[x", text)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows[:4]}) == 1


def test_the_verdict_on_top_is_the_worst_of_checks_and_gaps() -> None:
    frame = people().select("income", "left", "age")
    assert check(frame).verdict == "pass"
    assert 'class="banner unknown"' in as_page(sheet_of(frame))
    assert 'class="banner pass"' in as_page(sheet_of(frame, answers=ANSWERED))
    assert 'class="banner unknown"' in as_page(datasheet(table_facts(frame), None, ANSWERED))
    endless = frame.with_columns(size=pl.lit(float("inf")))
    endless = endless.with_columns(size=pl.when(pl.int_range(N) < 9).then("size").otherwise("age"))
    assert 'class="banner fail"' in as_page(sheet_of(endless, answers=ANSWERED))


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_tables_of_hardly_any_rows_are_documented_too(rows: int) -> None:
    frame = people().head(rows)
    text = as_page(sheet_of(frame)) + as_markdown(sheet_of(frame))
    assert SECRET not in text
    _read(as_page(sheet_of(frame)))


@pytest.mark.parametrize("name", ["n", "count", "rows", "value"])
def test_columns_may_be_called_as_counts_are(name: str) -> None:
    frame = pl.DataFrame({name: [f"A{i:06d}" for i in range(60)], "x": ["a", "b"] * 30})
    assert table_facts(frame)[name].role == "key"
    assert table_facts(frame.select(pl.col("x").alias(name)))[name].values == (("a", 30), ("b", 30))


def test_a_table_of_thousands_of_columns_is_told_in_bounds() -> None:
    wide = pl.DataFrame({f"c{i}": [0.5, 1.5, 2.5] * 20 for i in range(1200)})
    sheet = datasheet(table_facts(wide), None, Answers())
    assert "700 more columns are not shown" in as_page(sheet)
    assert len(as_page(sheet)) < 400_000


@pytest.mark.parametrize(
    ("source", "public"),
    [
        ("data/orders.csv", "orders.csv"),
        ("/srv/x/delta_table/", "delta_table"),
        ("${SHOP}", "${SHOP}"),
        ("sqlite:////srv/ada/shop.db?table=orders", "table orders of a sqlite database"),
        ("sqlite:///shop.db#query=select * from a", "a query of a sqlite database"),
        ("mysql+pymysql://u:p@h/db?query=select+1", "a query of a mysql database"),
        ("s3://key:secret@bucket/a/orders.parquet", "orders.parquet"),
    ],
)
def test_a_source_is_named_without_its_place(source: str, public: str) -> None:
    assert public_source(source) == public


def test_how_the_rows_were_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "kurse.csv"
    path.write_bytes("Größe;Preis;Tag\n7;1,5;31.01.2020\nNA;2,5;15.02.2020\n".encode("latin-1"))
    text = as_page(datasheet(table_facts(read(path)), None, Answers()))
    assert "cells parted by semicolon, letters in" in text
    assert "decimal comma" in text
    assert "dates written day first" in text
    assert "Taken as missing: <code>NA</code>" in text


def small() -> Table:
    frame = people().select("plan", "age", "left", "ordered")
    return Table(frame=frame, schema=None, understood=None)  # type: ignore[arg-type]


def written(folder: Path, **more: Any) -> Report:
    table = small()
    given: dict[str, Any] = {
        "report": check(table.frame),
        "answers": Answers(),
        "digest": "0" * 64,
        "source_name": "a.csv",
        "folder": folder,
        "made": "2026-03-01T08:00:00+00:00",
    }
    return document(table, **given | more)


def test_a_report_says_what_was_written_and_what_is_open(tmp_path: Path) -> None:
    told = written(tmp_path / "new" / "folder")
    assert told.verdict == "warn"
    assert told.find("questions_answered").value == 0
    assert told.find("questions_answered").n == len(told.facts["questions"]) == 15
    assert all(Path(name).is_file() for name in told.facts["files"])
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {
        Path(name).name for name in told.facts["files"]
    }
    assert json.loads(msgspec.json.encode(told))["verb"] == "document"


def test_the_same_rows_and_answers_give_the_same_files(tmp_path: Path) -> None:
    names = written(tmp_path).facts["files"]
    before = {name: Path(name).read_bytes() for name in names}
    assert written(tmp_path).facts["files"] == names
    assert {name: Path(name).read_bytes() for name in names} == before


def test_a_full_disk_leaves_the_older_documents_whole(tmp_path: Path) -> None:
    with mounted(tmp_path / "small") as folder:
        names = written(folder).facts["files"]
        before = {name: Path(name).read_bytes() for name in names}
        fill(folder)
        with pytest.raises(SurroundingsError, match="space"):
            written(folder, answers=ANSWERED, made="2026-03-02T08:00:00+00:00")
        (folder / "ballast").unlink()
        assert {name: Path(name).read_bytes() for name in names} == before
        assert {path.name for path in folder.iterdir()} == {Path(name).name for name in names}


def test_a_datasheet_reads_like_this(snapshot: SnapshotAssertion) -> None:
    answers = Answers(given={"motivation.why": "To write letters\nin time.\n\nNothing else."})
    frame = people().drop("income")
    report = check(frame, project=project())
    sheet = datasheet(
        table_facts(frame, report=report, project=project()),
        report,
        answers,
        name="letters",
        source="data/people.csv",
        digest="9f" * 32,
        made="2026-03-01T08:00:00+00:00",
    )
    assert as_markdown(sheet) == snapshot(name="markdown")
    body = re.search(r"<body>.*</body>", as_page(sheet))
    assert body is not None
    assert body[0].replace("<section", "\n<section").replace("<tr>", "\n<tr>") == snapshot(
        name="page"
    )


def test_nothing_measured_is_a_page_too() -> None:
    text = as_page(Datasheet(name="empty", facts=TableFacts(rows=0, columns=())))
    assert "The rows have not been checked yet." in text


@pytest.mark.real
@pytest.mark.parametrize(
    ("relative", "kept_back", "shown"),
    [
        ("churn/telco_churn.csv", ["customerID"], "Month-to-month (55 %)"),
        ("retail/online_retail.parquet", ["CustomerID", "InvoiceNo"], "2010-12-01"),
        ("sms/sms_spam.csv", ["text"], "ham (87 %)"),
        ("hospital/dirty.csv", ["phone", "name", "address_1"], "provider_number"),
        ("credit/default_credit_card.parquet", [], "LIMIT_BAL"),
    ],
)
def test_real_tables_keep_their_rows_back(relative: str, kept_back: list[str], shown: str) -> None:
    table = read(real_data(relative))
    report = check(table)
    sheet = datasheet(table_facts(table, report=report), report, Answers())
    text = as_page(sheet) + as_markdown(sheet)
    assert shown in text
    for name in kept_back:
        values = table.frame[name].drop_nulls().cast(pl.String).unique().head(3000).to_list()
        assert not [v for v in values if len(v) > 6 and (f">{v}<" in text or f" {v} " in text)]
