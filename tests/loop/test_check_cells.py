"""Single cells in a check: where they stand, and each told once."""

from pathlib import Path

import numpy as np
import polars as pl

import evermodel as em
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


def test_a_review_holds_what_a_check_says_it_does(tmp_path: Path) -> None:
    days = [f"{1 + i % 28:02}.{1 + i % 12:02}.25" for i in range(200)]
    days[40], days[90] = "31.02.25", "30.13.25"
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"day": days, "x": rng.normal(size=200).round(2), "ok": ["a", "b"] * 100})
    frame.write_csv(tmp_path / "d.csv")
    em.init(tmp_path / "d.csv", target="ok", folder=tmp_path)
    em.data_review(tmp_path, out=tmp_path / "r.csv")
    found = pl.read_csv(tmp_path / "r.csv", infer_schema=False).filter(pl.col("column") == "day")
    assert sorted(found["line"].to_list()) == ["42", "92"]


def test_a_name_with_blanks_is_advised_in_quotes(tmp_path: Path) -> None:
    values = [str(i % 40) for i in range(300)]
    values[7] = "see the note"
    pl.DataFrame({"net price": values, "x": values[::-1]}).write_csv(tmp_path / "a.csv")
    found = check(tmp_path / "a.csv", thorough=False).find("unreadable_cells", "net price")
    assert 'data.repairs."net price"' in found.why


def test_each_spelling_is_told_with_its_own_line(tmp_path: Path) -> None:
    words = ["Berlin", "Koeln"] * 100
    words[50], words[150] = "koeln", "berlin"
    pl.DataFrame({"city": words, "n": range(200)}).write_csv(tmp_path / "a.csv")
    found = check(tmp_path / "a.csv", thorough=False).find("spelling", "city")
    assert found.evidence["lines"] == [52, 152]
    assert found.evidence["examples"] == ["'koeln' = 'Koeln'", "'berlin' = 'Berlin'"]


def test_rows_that_are_numbered_on_are_no_slip_of_units(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, first in (("a", 0), ("b", 1000)):
        rows = {"nr": range(first, first + 300), "x": rng.normal(size=300).round(2)}
        pl.DataFrame(rows).write_csv(tmp_path / f"{name}.csv")
    report = check(tmp_path / "b.csv", against=tmp_path / "a.csv", thorough=False)
    assert not [each for each in report.results if each.verdict == "fail"]


def test_no_note_on_the_reading_shows_a_person(tmp_path: Path) -> None:
    phones = [f"+49 171 {5_550_000 + i}" for i in range(200)]
    pl.DataFrame({"phone": phones, "n": range(200)}).write_csv(tmp_path / "a.csv")
    assert check(tmp_path / "a.csv").find("personal_data", "phone").value
    numbers = [str(491_715_550_000 + i) for i in range(200)]
    numbers[3] = numbers[9] = "Erika Mustermann, 0171 5550123"
    pl.DataFrame({"phone": numbers, "n": range(200)}).write_csv(tmp_path / "a.csv")
    report = check(tmp_path / "a.csv")
    said = str(report.facts["understood"]) + str([each.why for each in report.results])
    assert "phone: " in said
    assert "Erika" not in said
