"""No text and no page that the commands on data write holds a value of a personal column."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import msgspec
import polars as pl
import pytest

from evermodel.cli.main import main
from evermodel.data import gate
from evermodel.errors import DataError
from evermodel.loop.beginning import check
from evermodel.report import findings_page, findings_text
from evermodel.tables import profile
from tests.data.identifiers_made import made
from tests.data.test_personal_roles import MAILS, PEOPLE, PHONES, N

SECRET = ("mail", "Kunde", "phone", "konto", "mobile")
ROWS = pl.DataFrame(
    {
        "mail": [*MAILS[:-2], "ADA.1@Example.org", "ada.1@example.org"],
        "Kunde": PEOPLE,
        "phone": [*PHONES[:-1], "+49 30 12x4567"],
        "konto": made("iban", N),
        "mobile": [4915120000000 + n * 7919 for n in range(N)],
        "plan": ["basic", "pro"] * (N // 2),
        "visits": [n * 37 % 41 for n in range(N)],
        "left": [("no", "yes")[n * 37 % 41 + n * 31 % 29 > 34] for n in range(N)],
    }
)
PROJECT = """
[project]
name = "p"
[data]
source = "a.csv"
target = "left"
task = "binary"
key = ["mail"]
leave_out = ["Kunde", "phone", "konto", "mobile"]
checks = ["Kunde is like x", "konto is one of a, b"]
"""


def _said(*words: object) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        main([str(word) for word in words])
    return out.getvalue()


def _shown(text: str, *more: pl.DataFrame) -> set[str]:
    tables = (ROWS, *more)
    secrets = {str(value) for frame in tables for name in SECRET for value in frame[name]}
    return {secret for secret in secrets if secret in text}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place in (tmp_path / "plain", tmp_path / "project"):
        place.mkdir()
        ROWS.write_csv(place / "a.csv")
        later = ROWS.with_columns(pl.col("Kunde", "mail", "phone").shift(7), plan=pl.lit("new"))
        pl.concat([later, later.head(9)]).write_csv(place / "b.csv")
    (tmp_path / "project" / "evermodel.toml").write_text(PROJECT)
    return tmp_path


def test_check_profile_diff_and_document_print_no_person(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("plain", "project"):
        monkeypatch.chdir(folder / place)
        told = _said("check", "b.csv", "--html", "c.html", "--against", "a.csv")
        told += _said("data", "profile", "a.csv", "--html", "p.html")
        told += _said("data", "profile", "a.csv", "--json")
        told += _said("data", "diff", "a.csv", "b.csv")
        told += _said("data", "document", "a.csv")
        pages = [*Path().rglob("*.html"), *Path().rglob("*.md"), *Path().rglob("*croissant*")]
        assert len(pages) >= 2
        assert _shown(told + "".join(page.read_text() for page in pages)) == set()
        assert "of persons: no value is shown" in told
        assert "'basic' 50 %" in told


def test_training_and_its_refusals_print_no_person(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "project")
    refused = _said("train")
    assert "Kunde" in refused
    Path("evermodel.toml").write_text(PROJECT.partition("checks")[0])
    trained = _said("train") + _said("report", "-o", "report.html")
    shown = _said("data", "show")
    assert '"profile"' in (documented := _said("data", "show", "--json"))
    assert "What its columns hold" in Path("report.html").read_text()
    assert "of persons: no value is shown" in shown
    pages = "".join(page.read_text() for page in Path().rglob("*.html"))
    assert _shown(refused + trained + shown + documented + pages) == set()


def test_what_the_gate_shows_of_persons_is_their_writing() -> None:
    types = {"mail": "category", "mobile": "number", "plan": "category"}
    before = profile(ROWS.select(*types), types)  # type: ignore[arg-type]
    batch = ROWS.select(*types).with_columns(
        mail=pl.Series(["zoe.karlson@example.org"] * N),
        mobile=pl.Series([4915129999999] * N),
        plan=pl.Series(["gone"] * N),
    )
    found = gate(batch, before)
    assert found.verdict in ("warn", "fail")
    text = findings_text(found) + findings_page(found) + repr(found.results)
    assert "zoe" not in text
    assert "4915129999999" not in text
    assert "4.91513e+12" not in text
    assert "gone" in text
    with pytest.raises(DataError):
        gate(pl.DataFrame(), before)


def test_a_column_that_looks_like_names_is_told_in_one_line(folder: Path) -> None:
    told = _said("check", folder / "plain" / "a.csv", "--html", folder / "n.html").splitlines()
    good = told.index("Good to know")
    (line,) = [line for line in told if "looks like names of persons" in line]
    assert told.index(line) > good
    assert line.startswith("  `Kunde` looks like names of persons or firms: ")
    after = told[told.index(line) + 1 :]
    assert not after or not after[0].startswith("    ")
    assert "looks like names of persons or firms" in (folder / "n.html").read_text()


def test_a_cell_that_is_not_of_its_type_shows_no_person(tmp_path: Path) -> None:
    rows = [f"{row},{row * 1.5}" for row in range(200)]
    rows[20], rows[30] = "20,jane.doe@example.org", "30,0172 1234567"
    (tmp_path / "a.csv").write_text("\n".join(["id,amount", *rows]))
    said = str(msgspec.to_builtins(check(tmp_path / "a.csv", thorough=False)))
    assert "line 22" in said
    assert "jane" not in said
    assert "1234567" not in said
