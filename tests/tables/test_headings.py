"""Headers of two lines, units below them, headers again, and other tables in the same sheet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

import evermodel as em
from evermodel import tables
from evermodel.tables import Table
from tests.tables.test_workbooks import workbook

RNG = np.random.default_rng(3)
SHOPS = [[f"s{i}", round(i * 3.5 + 1, 2), i, i % 7] for i in range(40)]
NAMES = ["shop", "price", "weight", "pieces"]


def read_both(tmp_path: Path, lines: Sequence[Sequence[object]]) -> list[Table]:
    """Return what is read of these cells from a text and from a workbook."""
    text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in lines)
    (tmp_path / "a.csv").write_text(text + "\n")
    workbook(tmp_path / "a.xlsx", {"Sheet": [[None if c == "" else c for c in r] for r in lines]})
    return [tables.read(tmp_path / name) for name in ("a.csv", "a.xlsx")]


@pytest.mark.parametrize("above", [0, 2])
def test_a_line_of_units_is_no_row(tmp_path: Path, above: int) -> None:
    titles = [["Prices of 2024", "", "", ""], ["", "", "", ""]][:above]
    for table in read_both(tmp_path, [*titles, NAMES, ["", "EUR", "[kg]", "Stück"], *SHOPS]):
        assert table.frame.columns == NAMES
        assert [tuple(row) for row in SHOPS] == table.frame.rows()
        assert [dtype.is_numeric() for dtype in table.frame.dtypes] == [False, True, True, True]
        units = "'price' in EUR, 'weight' in kg, 'pieces' in Stück"
        said = f"line {above + 2} holds units and is no row: {units}"
        assert said in table.understood.notes
        assert table.understood.rejected == ()


def test_a_line_of_groups_and_one_of_names_are_one_header(tmp_path: Path) -> None:
    head = [["", "sales", "", ""], ["shop", "spring", "autumn", "2023"], ["", "EUR", "EUR", "EUR"]]
    for table in read_both(tmp_path, [*head, *SHOPS]):
        assert table.frame.columns == ["shop", "sales spring", "sales autumn", "sales 2023"]
        assert table.frame.rows() == [tuple(row) for row in SHOPS]
        assert any("two lines (1 and 2), put" in note for note in table.understood.notes)


@pytest.mark.parametrize("rows", [1, 9])
@pytest.mark.parametrize(
    "groups", [["Customer", "", "Sales", ""], ["Customer"] * 2 + ["Sales"] * 2]
)
def test_groups_are_seen_below_a_title_and_over_few_rows(
    tmp_path: Path, groups: list[str], rows: int
) -> None:
    some = [[f"n{i}", f"c{i}", i * 10 + 1, i * 3] for i in range(rows)]
    head = [groups, ["name", "city", "2023", "2024"]]
    names = ["Customer name", "Customer city", "Sales 2023", "Sales 2024"]
    for above in ([], [["Report of May", "", "", ""]]):
        if above and rows < 2:
            continue  # over so little a title is told from a header by nothing
        for table in read_both(tmp_path, [*above, *head, *some]):
            assert table.frame.columns == names
            assert table.frame.rows() == [tuple(row) for row in some]
            lines = f"({len(above) + 1} and {len(above) + 2})"
            assert any(lines in note for note in table.understood.notes)


WORDS = [f"w{i}" for i in range(12)]
LIVES = [[w, w, 1950 + i * 3, 1960 + i * 4] for i, w in enumerate(WORDS)]
PAID = [[w, w, i * 7, i * 11] for i, w in enumerate(WORDS)]
COUNTS = [[w, i, i * 2, i * 3] for i, w in enumerate(WORDS)]


@pytest.mark.parametrize(
    ("names", "first", "below"),
    [
        (["name", "", "from", ""], ["Bob", "Smith", 1990, 2001], LIVES),
        (["name", "", "from", ""], ["Bob", "Smith", 2000, 2001], LIVES),
        (["name", "", "paid", ""], ["Bob", "Smith", 1912, 2050], PAID),
        (["id", "x", "", "y"], ["A", "lost", "broken", "late"], COUNTS),
        (["id", "x", "", "y"], ["A", "B", "n/a", "-"], COUNTS),
        (["", "x", "y", "z"], ["A", "low", "high", "mid"], COUNTS),
        (["id", "x", "", ""], ["A", "", "", ""], COUNTS),
    ],
)
def test_a_header_with_gaps_over_rows_has_one_line(
    tmp_path: Path, names: list[str], first: list[object], below: list[list[object]]
) -> None:
    for table in read_both(tmp_path, [names, first, *below]):
        assert table.frame.height == 1 + len(below)
        assert not any("two lines" in note for note in table.understood.notes)


def test_merged_cells_of_a_sheet_group_the_names_below_them(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    sheet = book.add_worksheet()
    sheet.merge_range(0, 0, 1, 0, "shop")
    sheet.merge_range(0, 1, 0, 2, "sales")
    sheet.merge_range(0, 3, 1, 3, "pieces")
    sheet.write_row(1, 1, ["spring", "autumn"])
    for line, row in enumerate(SHOPS, start=2):
        sheet.write_row(line, 0, row)
    book.close()
    table = tables.read(tmp_path / "a.xlsx")
    assert table.frame.columns == ["shop", "sales spring", "sales autumn", "pieces"]
    assert table.frame.rows() == [tuple(row) for row in SHOPS]


def test_a_header_that_stands_again_is_left_out_and_told(tmp_path: Path) -> None:
    again: list[Sequence[object]] = [*SHOPS[:20], NAMES, *SHOPS[20:35], NAMES, *SHOPS[35:]]
    for table in read_both(tmp_path, [NAMES, *again]):
        assert table.frame.rows() == [tuple(row) for row in SHOPS]
        assert [row.line for row in table.understood.rejected] == [22, 38]
        assert {row.reason for row in table.understood.rejected} == {"repeats the header"}


def test_a_header_stands_again_whatever_blanks_and_marks_are_around_its_names(
    tmp_path: Path,
) -> None:
    again: Sequence[object] = ["\ufeffshop ", " price", "weight", " pieces "]
    for table in read_both(tmp_path, [NAMES, *SHOPS[:20], again, *SHOPS[20:]]):
        assert table.frame.rows() == [tuple(row) for row in SHOPS]
        assert [row.line for row in table.understood.rejected] == [22]


def test_a_header_on_every_page_is_no_reason_to_refuse_a_table(tmp_path: Path) -> None:
    units = ["", "EUR", "kg", "pcs"]
    pages: list[Sequence[object]] = []
    for row in SHOPS[:4]:
        pages += [NAMES, units, row]
    for table in read_both(tmp_path, pages):
        assert table.frame.rows() == [tuple(row) for row in SHOPS[:4]]
        assert [row.line for row in table.understood.rejected] == [4, 5, 7, 8, 10, 11]


def test_values_that_are_the_name_of_their_column_are_rows(tmp_path: Path) -> None:
    rows: list[Sequence[object]] = [["shop", 1.5, 2, 3], *SHOPS[:9], ["shop", "", "", ""]]
    for table in read_both(tmp_path, [NAMES, *rows]):
        assert table.frame["shop"].to_list() == ["shop", *(row[0] for row in SHOPS[:9]), "shop"]
    path = tmp_path / "words.csv"
    path.write_text("word\nham\nword\nspam\n")
    assert tables.read(path).frame["word"].to_list() == ["ham", "word", "spam"]


def test_cells_keep_their_types_beside_a_header_that_stands_again(tmp_path: Path) -> None:
    rows: list[list[object]] = [[f"s{i}", i % 2 == 0, i + 0.125] for i in range(9)]
    names = ["shop", "paid", "price"]
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": [names, *rows, names, *rows]}))
    assert table.frame.rows() == [tuple(row) for row in (*rows, *rows)]
    assert table.frame["paid"].dtype == pl.Boolean


def test_a_header_far_behind_the_first_block_is_seen_too(tmp_path: Path) -> None:
    row = "north,12.5,3,1\n"
    path = tmp_path / "a.csv"
    path.write_text(",".join(NAMES) + "\n" + row * 1_200_000 + ",".join(NAMES) + "\n" + row)
    understood = tables.understand(path)
    assert understood.rows == 1_200_001
    assert [row.line for row in understood.rejected] == [1_200_002]
    assert [column.type for column in understood.columns] == ["category", *["number"] * 3]


@pytest.mark.parametrize("gap", [[[]], [["", "", "", ""]]])
def test_another_table_below_is_left_out_and_told(tmp_path: Path, gap: list[list[object]]) -> None:
    other = [["name", "city", "zip", "street"], ["Ann", "Rome", "", "a"], ["Bob", "Oslo", "", "b"]]
    for table in read_both(tmp_path, [NAMES, *SHOPS, *gap, *other]):
        assert table.frame.rows() == [tuple(row) for row in SHOPS]
        assert [row.line for row in table.understood.rejected] == [43, 44, 45]
        assert "another table begins here" in table.understood.rejected[0].reason
        assert "line 43" in table.understood.rejected[1].reason


def test_a_line_of_words_among_rows_that_go_on_cuts_nothing(tmp_path: Path) -> None:
    words = [["again", "see", "below", "please"]]
    for table in read_both(tmp_path, [NAMES, *SHOPS[:20], ["", "", "", ""], *words, *SHOPS[20:]]):
        assert table.frame.height >= len(SHOPS) + 1
        assert table.understood.rejected == ()


def test_a_longer_table_below_is_left_out_like_a_shorter_one(tmp_path: Path) -> None:
    other = [["name", "city", "zip", "street"], *[["Ann", "Rome", "", "a"]] * 60]
    for table in read_both(tmp_path, [NAMES, *SHOPS, ["", "", "", ""], *other]):
        assert table.frame.rows() == [tuple(row) for row in SHOPS]
        assert table.understood.rejected_rows == 61


def test_a_legend_below_a_table_is_no_part_of_it(tmp_path: Path) -> None:
    legend = [["code", "meaning", "", ""], ["s1", "north", "", ""], ["s2", "south", "", ""]]
    for table in read_both(tmp_path, [NAMES, *SHOPS, ["", "", "", ""], *legend]):
        assert table.frame.rows() == [tuple(row) for row in SHOPS]
        assert [row.line for row in table.understood.rejected] == [43, 44, 45]


@pytest.mark.parametrize(
    "odd",
    [
        [["restart", "by", "operator", "again"], ["s1", "", 3, 4]],
        [["restart", "by", "operator", "again"], *[["s1", "", 3, 4]] * 5],
        [["note", "checked", "", ""], ["s1", "", "", 4]],
        [["n1", "n/a", "-", ""], ["s1", "", 3, 4]],
    ],
)
def test_broken_rows_behind_an_empty_line_cut_no_table(
    tmp_path: Path, odd: list[list[object]]
) -> None:
    lines: list[Sequence[object]] = [NAMES, *SHOPS, ["", "", "", ""], *odd, *SHOPS]
    for table in read_both(tmp_path, lines):
        assert table.understood.rejected == ()
        kept = table.frame.filter(~pl.all_horizontal(pl.all().is_null()))
        assert kept.height == 2 * len(SHOPS) + len(odd)


def test_a_price_list_that_ends_in_words_keeps_them(tmp_path: Path) -> None:
    prices = [[f"p{i}", i + 0.5] for i in range(12)]
    words = [["lamp", "sold out"], ["desk", "on request"], ["chair", "tba"]]
    for table in read_both(tmp_path, [["product", "price"], *prices, ["", ""], *words]):
        assert table.understood.rejected == ()
        assert set(table.frame["product"].drop_nulls()) > {"lamp", "desk", "chair"}


def test_a_shorter_table_beside_another_is_left_out_and_told(tmp_path: Path) -> None:
    lines: list[list[object]] = [[*NAMES, None, "code", "means"]]
    legend = [["a", "often"], ["b", "seldom"], ["c", "never"]]
    for place, row in enumerate(SHOPS):
        lines.append([*row, None, *(legend[place] if place < 3 else [None, None])])
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": lines}))
    assert table.frame.columns == NAMES
    assert any("another table stands beside" in note for note in table.understood.notes)


def test_an_empty_column_within_a_table_parts_nothing(tmp_path: Path) -> None:
    lines: list[list[object]] = [["shop", "price", None, "weight", "note"]]
    lines += [[a, b, None, c, "late" if place in (2, 30) else None] for place, (a, b, c, _) in
              enumerate(SHOPS)]  # fmt: skip
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": lines}))
    assert table.frame.columns == ["shop", "price", "weight", "note"]
    assert not any("beside" in note for note in table.understood.notes)


PLAIN = [
    ("gaps in the first row", NAMES, [["x", "", "", ""], *SHOPS]),
    ("a missing word in the first row", NAMES, [["x", "n/a", "-", "n/a"], *SHOPS]),
    ("a category of units", ["thing", "amount", "unit"], [[f"t{i}", i, "kg"] for i in range(30)]),
    ("texts only", ["a", "b"], [["m", "kg"], *([f"x{i}", f"y{i}"] for i in range(9))]),
    ("no name for the rows", ["", "price", "weight"], [[i, i * 2, i * 3] for i in range(20)]),
    ("a row of answers", ["who", "q1", "q2"], [["text", "text", "text"], ["a", "b", "c"]] * 9),
]  # fmt: skip


AMOUNTS = [[f"a{i}", i * 10, i * 3] for i in range(1, 20)]
PLAIN += [
    ("amounts in brackets", ["account", "q1", "q2"], [["", "(120)", "(30)"], *AMOUNTS]),
    ("a group beside masks", ["sex", "v", "w"], [["m", "#", "#"], *[["m", 1, 2], ["f", 3, 4]] * 9]),
    ("a code of one letter", ["id", "score", "x"], [["", "A", ""], *AMOUNTS]),
    ("a masked number", ["id", "score", "x"], [["", "[redacted]", "(none)"], *AMOUNTS]),
    ("a unit as a value", ["id", "size", "x"], [["", "m", "kg"], ["a", "m", 1], ["b", "m", 2]]),
    ("answers in brackets", ["id", "score", "x"], [["", "(n/a)", "(unknown)"], *AMOUNTS]),
    ("a word for missing beside a unit", ["a", "b", "c"], [["n/a", "kg", ""], *AMOUNTS]),
    ("one unit among values", ["id", "size", "x"], [["a", "kg", 5], *AMOUNTS]),
]  # fmt: skip


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_units_are_seen_over_few_rows_as_over_many(tmp_path: Path, rows: int) -> None:
    """What is to be scored may be one row in the shape of all that were learned from."""
    head = [["day", *NAMES], ["dd.mm.yyyy", "", "in %", "°C", "(Stück)"]]
    some = [[f"{1 + place % 28:02}.01.2024", *row] for place, row in enumerate(SHOPS[:rows])]
    for table in read_both(tmp_path, [*head, *some]):
        assert table.frame.select(NAMES).rows() == [tuple(row) for row in SHOPS[:rows]]
        said = "line 2 holds units and is no row: "
        assert any(note.startswith(said) for note in table.understood.notes)
        assert "'price' in %, 'weight' in °C, 'pieces' in Stück" in "".join(table.understood.notes)


@pytest.mark.parametrize(("names", "rows"), [case[1:] for case in PLAIN], ids=[c[0] for c in PLAIN])
def test_plain_tables_keep_every_row_and_name(
    tmp_path: Path, names: list[str], rows: list[list[object]]
) -> None:
    for table in read_both(tmp_path, [names, *rows]):
        assert table.frame.height == len(rows)
        assert table.frame.columns == [name or "column_1" for name in names]


CELLS = st.sampled_from(["", "kg", "EUR", "a", "b", "north", "n/a", "-", "1", "2.5", "2023", "(x)"])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6))
def test_rows_of_any_cells_below_rows_of_a_table_are_kept_or_told(
    tmp_path_factory: pytest.TempPathFactory, some: list[list[str]]
) -> None:
    """Whatever stands there, each line is a row, or is told with its line, or is empty."""
    lines = [["shop", "price", "weight"], *(["s", "1.5", "2"] for _ in range(6)), *some]
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_text("\n".join(map(",".join, lines)) + "\n")
    table = tables.read(path)
    empty = sum(not any(row) for row in some)
    told = table.frame.height + table.understood.rejected_rows
    assert len(lines) - 1 - empty <= told <= len(lines) - 1


def test_a_sheet_with_units_is_learned_from_and_scored_like_any(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    size = rng.normal(50, 10, 300).round(1)
    rooms = rng.integers(1, 6, 300)
    rent = (size * 11 + rooms * 40 + rng.normal(0, 30, 300)).round(2)
    names, units = ["size", "rooms", "rent"], ["m²", "", "EUR"]
    rows = [list(row) for row in zip(size.tolist(), rooms.tolist(), rent.tolist(), strict=True)]
    source = workbook(tmp_path / "flats.xlsx", {"Flats": [names, units, *rows]})
    report = em.init(source, target="rent", folder=tmp_path)
    assert report.facts["task"] == "regression"
    settings_file = tmp_path / "evermodel.toml"
    few = '[train]\nmodels = ["linear"]\ntrials = 1'
    settings_file.write_text(settings_file.read_text().replace("[train]", few, 1))
    assert em.run(tmp_path).facts["live"] == 1
    new = workbook(
        tmp_path / "new.xlsx", {"Flats": [names[:2], units[:2], *([*row[:2]] for row in rows)]}
    )
    em.score(new, tmp_path / "out.csv", tmp_path)
    every = pl.read_csv(tmp_path / "out.csv")
    assert every.height == len(rows)
    one = workbook(tmp_path / "one.xlsx", {"Flats": [names[:2], units[:2], rows[0][:2]]})
    em.score(one, tmp_path / "one.csv", tmp_path)
    # The last column holds the identity of a prediction, which is another in each file.
    assert pl.read_csv(tmp_path / "one.csv").row(0)[:-1] == every.row(0)[:-1]


def test_another_table_below_notes_and_a_total_is_left_out(tmp_path: Path) -> None:
    total: list[object] = ["Sum", sum(float(str(row[1])) for row in SHOPS), sum(range(40)), ""]
    between: list[list[object]] = [total, [""] * 4, ["Note: net prices", *[""] * 3], [""] * 4]
    lines: list[Sequence[object]] = [NAMES, *SHOPS, *between]
    lines += [["supplier", "rebate", "days", ""], ["Meier", 3, 7, ""], ["Wolf", 5, 9, ""]]
    for table in read_both(tmp_path, lines):
        assert table.frame["shop"].to_list()[:40] == [row[0] for row in SHOPS]
        assert table.frame.height <= 41
        reasons = [row.reason for row in table.understood.rejected]
        assert any("another table begins here" in reason for reason in reasons)


def test_units_and_groups_are_those_of_the_table_alone(tmp_path: Path) -> None:
    lines: list[list[object]] = [
        ["shop", "sales", None, "pieces", None, "Region", "Head"],
        [None, "spring", "autumn", None, None, "North", "Ann"],
        [None, "EUR", "EUR", None, None, "South", "Bob"],
    ]
    lines += [[*row, None, *(["West", "Eve"] if row is SHOPS[0] else [None] * 2)] for row in SHOPS]
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": lines}))
    assert table.frame.columns == ["shop", "sales spring", "sales autumn", "pieces"]
    assert table.frame.rows() == [tuple(row) for row in SHOPS]
    said = " ".join(table.understood.notes)
    assert "Bob" not in said
    assert "pieces Region" not in said
