"""What a declared repair mends is no finding any more; what is left is judged as repaired."""

from pathlib import Path

import polars as pl
import pytest

from evermodel.loop.beginning import check, read_source
from evermodel.loop.corrections import data_review
from evermodel.loop.judged import repaired
from evermodel.project import load_project
from evermodel.report.findings import headline
from evermodel.tables import texts

REPAIRS = """
[data.repairs.plan]
map = { "Pro" = "pro" }
missing = ["k.A."]

[data.repairs.weight]
strip = "kg"
type = "number"
"""


def _project(folder: Path, repairs: str) -> Path:
    """Write 300 customers with errors, of which the repairs mend all but two."""
    rows = [
        [
            f"c{n:04}",
            ("basic", "plus", "pro")[n % 3],
            f"{60 + n % 9}.5",
            ("yes", "no")[n * 7 % 5 < 2],
        ]
        for n in range(300)
    ]
    for n in (5, 8, 11):
        rows[n][1] = "Pro"
    for n in (30, 31):
        rows[n][1] = "k.A."
    for n in (40, 45, 50):
        rows[n][2] += " kg"
    rows[60][1] = "plusd"
    rows[70][2] = "61500.5 kg"
    pl.DataFrame(rows, schema=["id", "plan", "weight", "gone"], orient="row").write_csv(
        folder / "a.csv", separator=";"
    )
    text = '[project]\nname = "a"\n[data]\nsource = "a.csv"\ntarget = "gone"\ntask = "binary"\n'
    (folder / "evermodel.toml").write_text(f'{text}positive = "yes"\nkey = ["id"]\n{repairs}')
    return folder


def _found(folder: Path) -> set[tuple[int, str, str]]:
    cells = check(folder).facts["cells"]
    return {(cell["row"], cell["column"], cell["value"]) for cell in cells}


def test_without_repairs_each_of_these_cells_is_a_finding(tmp_path: Path) -> None:
    found = {(row, column) for row, column, _ in _found(_project(tmp_path, ""))}
    assert {(5, "plan"), (30, "plan"), (40, "weight"), (70, "weight")} <= found


def test_what_a_repair_mends_is_told_in_one_line_and_the_rest_as_it_stands(tmp_path: Path) -> None:
    folder = _project(tmp_path, REPAIRS)
    assert _found(folder) == {(60, "plan", "plusd"), (70, "weight", "61500.5 kg")}
    (line,) = [each for each in check(folder).results if each.name == "mended"]
    assert headline(line).startswith("Mended by the declared repairs: ")
    assert line.value == 9  # three Pro, two k.A. and four kg: no number that is only read as one
    review = tmp_path / "review.csv"
    data_review(folder, out=review)
    listed = pl.read_csv(review, infer_schema=False).filter(pl.col("column") != "gone")
    assert dict(listed.select("value", "suggestion").iter_rows())["plusd"] == "plus"
    assert set(listed["value"]) == {"plusd", "61500.5 kg"}


@pytest.mark.parametrize("repairs", ["", REPAIRS])
def test_a_sheet_of_marks_shows_cells_as_they_stand(tmp_path: Path, repairs: str) -> None:
    folder = _project(tmp_path, repairs)
    check(folder, label=tmp_path / "marks.csv")
    shown = pl.read_csv(tmp_path / "marks.csv", infer_schema=False)
    raw = pl.read_csv(folder / "a.csv", separator=";", infer_schema=False)
    assert shown["weight"].to_list() == [raw["weight"][int(row)] for row in shown["row"]]


def test_a_number_is_judged_as_its_declared_decimal_mark_has_it(tmp_path: Path) -> None:
    folder = _project(tmp_path, '[data.reading]\ndecimal = ","\n')
    rows = [f"c{n};basic;{40 + n % 9},5;yes" for n in range(100)]
    rows[3], rows[7] = "c3;basic;1.234,5;no", "c7;basic;44;no"
    (folder / "a.csv").write_text("\n".join(["id;plan;weight;gone", *rows]))
    project = load_project(folder)
    raw = texts(project.source, reading=project.data.reading)
    judged = repaired(raw, read_source(project).frame, project)
    assert judged["weight"].to_list()[:8] == [
        "40.5", "41.5", "42.5", "1234.5", "44.5", "45.5", "46.5", "44"
    ]  # fmt: skip
    assert {(3, "weight", "1.234,5")} == _found(folder)
