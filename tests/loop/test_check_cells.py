"""Single cells in a check: where they stand, and each told once."""

from pathlib import Path

import numpy as np
import polars as pl

from evermodel.loop.beginning import check


def _file(path: Path) -> Path:
    rng = np.random.default_rng(0)
    cities = rng.choice(["Cologne", "Bonn", "Aachen"], 300).tolist()
    visits = list(map(str, rng.integers(0, 40, 300)))
    cities[10], visits[20] = "Colognne", "see the note"
    frame = pl.DataFrame({"who": [f"c{i}" for i in range(300)], "city": cities, "visits": visits})
    pl.concat([frame, frame[5:7]]).write_csv(path)
    return path


def test_each_cell_says_its_line_and_is_told_once(tmp_path: Path) -> None:
    report = check(_file(tmp_path / "a.csv"))
    cells = {cell["column"]: (cell["row"], cell["line"]) for cell in report.facts["cells"]}
    assert cells == {"city": (10, 12), "visits": (20, 22)}
    assert report.find("unreadable_cells", "visits").evidence["lines"] == [22]
    told = [each.subject for each in report.results if each.name == "wrong_cells"]
    assert told == ["city"]


def test_a_frame_has_no_lines(tmp_path: Path) -> None:
    frame = pl.read_csv(_file(tmp_path / "a.csv"))
    assert {cell["line"] for cell in check(frame).facts["cells"]} == {None}


def test_rows_that_repeat_are_shown_with_their_lines(tmp_path: Path) -> None:
    found = check(_file(tmp_path / "a.csv")).find("duplicate_rows")
    assert found.evidence["lines"] == [302, 303]
    assert found.evidence["examples"][0].startswith("c5, ")


def test_what_changed_against_an_earlier_table_says_its_lines(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    price = rng.gamma(4, 10, 400).round(2)
    pl.DataFrame({"price": price}).write_csv(tmp_path / "before.csv")
    price[50:90] *= 100
    pl.DataFrame({"price": price.round(2)}).write_csv(tmp_path / "now.csv")
    report = check(tmp_path / "now.csv", against=tmp_path / "before.csv")
    found = report.find("unit_slip", "price")
    assert found.verdict == "fail"
    assert found.evidence["lines"] == [row + 2 for row in found.evidence["rows"]]


def test_a_header_on_each_page_is_told_and_fails_nothing(tmp_path: Path) -> None:
    page = ["who,visits", *(f"c{i},{i % 40}" for i in range(9))]
    (tmp_path / "a.csv").write_text("\n".join(page * 20) + "\n")
    report = check(tmp_path / "a.csv", thorough=False)
    found = report.find("rejected_rows")
    assert (found.verdict, found.value) == ("warn", 19)
    assert found.evidence["examples"][0] == "repeats the header"
    bad = page + ["one,two,three"] * 2
    (tmp_path / "b.csv").write_text("\n".join(bad) + "\n")
    assert check(tmp_path / "b.csv", thorough=False).find("rejected_rows").verdict == "fail"
