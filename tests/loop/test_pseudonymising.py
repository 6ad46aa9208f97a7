"""A file with pseudonyms in the place of persons; the source stays as it is."""

from pathlib import Path

import polars as pl
import pytest

from evermodel.errors import DataError, InputError
from evermodel.loop.pseudonymising import data_pseudonymise
from evermodel.tables import read

ROWS = "mail,age\nada@example.org,36\nalan@example.org,41\nada@example.org,36\n,50\n"


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVERMODEL_PSEUDONYM_KEY", bytes(range(32)).hex())
    path = tmp_path / "people.csv"
    path.write_text(ROWS)
    return path


def test_equal_values_stay_equal_and_no_name_is_left(people: Path, tmp_path: Path) -> None:
    out = tmp_path / "hidden.csv"
    report = data_pseudonymise(people, out, ["mail"])
    assert report.find("pseudonymised", "mail").value == 4
    frame = read(out).frame
    mail = frame["mail"].to_list()
    assert mail[0] == mail[2] != mail[1]
    assert mail[3] is None
    assert frame["age"].to_list() == [36, 41, 36, 50]
    assert "example" not in out.read_text()
    assert people.read_text() == ROWS


def test_batches_and_formats_make_no_difference(people: Path, tmp_path: Path) -> None:
    rows = pl.DataFrame({"mail": [f"p{n}@example.org" for n in range(150_000)]})
    rows.write_csv(people)
    rows.write_parquet(tmp_path / "people.parquet")
    for source, out in ((people, "a.parquet"), (tmp_path / "people.parquet", "b.parquet")):
        data_pseudonymise(source, tmp_path / out, ["mail"])
    first, second = (pl.read_parquet(tmp_path / name) for name in ("a.parquet", "b.parquet"))
    assert first.equals(second)
    assert first["mail"].n_unique() == 150_000


def test_what_is_missing_is_said_before_anything_is_written(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "hidden.csv"
    with pytest.raises(DataError, match="mial"):
        data_pseudonymise(people, out, ["mial"])
    with pytest.raises(InputError, match="replace the input"):
        data_pseudonymise(people, people, ["mail"], force=True)
    monkeypatch.delenv("EVERMODEL_PSEUDONYM_KEY")
    with pytest.raises(InputError, match="EVERMODEL_PSEUDONYM_KEY"):
        data_pseudonymise(people, out, ["mail"])
    assert not out.exists()
    assert not list(tmp_path.glob(".*.part"))


def test_what_is_not_named_stays_as_it_is_written_and_lost_rows_are_told(
    people: Path, tmp_path: Path
) -> None:
    rows = "K1;a@example.org;+49 171 111;1.234,50\nK2;n/a;-;k.A.\n"
    people.write_text(f"id;mail;tel;amount\n{rows}K3;c@example.org;030 23;8,50;more\n" + rows * 3)
    out = tmp_path / "hidden.csv"
    report = data_pseudonymise(people, out, ["mail"])
    frame = pl.read_csv(out, infer_schema=False)
    assert frame.drop("mail").rows()[:2] == [("K1", "+49 171 111", "1.234,50"), ("K2", "-", "k.A.")]
    assert frame["mail"].null_count() == 4
    lost = report.find("rows_left_out", report.subject)
    assert (lost.verdict, lost.value, lost.evidence["lines"]) == ("warn", 1, [4])


def test_what_else_holds_persons_is_told(people: Path, tmp_path: Path) -> None:
    rows = [f"p{n}@example.org,q{n}@example.com,{n}" for n in range(60)]
    people.write_text("\n".join(["mail,second,age", *rows]))
    report = data_pseudonymise(people, tmp_path / "hidden.csv", ["mail"])
    told = [each for each in report.results if each.name == "personal_data_left"]
    assert [(each.subject, each.verdict) for each in told] == [("second", "warn")]
    both = data_pseudonymise(people, tmp_path / "both.csv", ["mail", "second"])
    assert not [each for each in both.results if each.name == "personal_data_left"]
