"""A review goes into any spreadsheet program and comes back; what it rewrote is noticed."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.errors import DataError, InputError
from evermodel.loop.beginning import read_source
from evermodel.loop.corrections import data_corrections, data_review, data_take, data_undo
from evermodel.loop.sheets import as_given, write_sheet
from evermodel.loop.workspace import Workspace
from evermodel.tables import texts
from tests.loop.shop import Shop

Make = Callable[..., Shop]


@pytest.fixture
def spoiled(shop: Make) -> Workspace:
    """Customers with postcodes, of which some plans begin as a formula does."""
    workspace = shop().workspace
    path = Path(workspace.project.source)
    frame = pl.read_csv(path, infer_schema=False)
    rows = pl.int_range(pl.len())
    frame.with_columns(
        plan=pl.when(rows == 30).then(pl.lit("=plus")).otherwise("plan"),
        zip=pl.when(rows == 40).then(pl.lit("0106x")).otherwise(pl.format("0{}", 1067 + rows % 40)),
        day=pl.when(rows == 50)
        .then(pl.lit("2024-02-30"))
        .otherwise(pl.format("2024-03-{}", (10 + rows % 20))),
    ).write_csv(path)
    return workspace


def _review(workspace: Workspace, path: Path) -> pl.DataFrame:
    data_review(workspace, out=path)
    return texts(path)


def _filled(frame: pl.DataFrame, corrections: dict[str, str]) -> pl.DataFrame:
    return frame.with_columns(
        correction=pl.col("value").replace_strict(corrections, default="", return_dtype=pl.String)
    )


def _as_utf16(frame: pl.DataFrame, path: Path) -> None:
    path.write_bytes(frame.write_csv(separator="\t").encode("utf-16"))


def _as_excel_csv(frame: pl.DataFrame, path: Path) -> None:
    path.write_bytes(frame.write_csv(separator=";", line_terminator="\r\n").encode("cp1252"))


def _as_bom(frame: pl.DataFrame, path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + frame.write_csv().encode())


def _as_workbook(frame: pl.DataFrame, path: Path) -> None:
    frame.write_excel(path.with_suffix(".xlsx"))
    path.with_suffix(".xlsx").rename(path)


@pytest.mark.parametrize(
    ("ending", "save"),
    [
        (".csv", _as_utf16),
        (".csv", _as_excel_csv),
        (".csv", _as_bom),
        (".xlsx", _as_workbook),
    ],
)
@pytest.mark.parametrize("written", [".csv", ".xlsx"])
def test_a_review_comes_back_by_whatever_program(
    spoiled: Workspace,
    tmp_path: Path,
    written: str,
    ending: str,
    save: Callable[[pl.DataFrame, Path], None],
) -> None:
    sheet = _review(spoiled, tmp_path / f"review{written}")
    back = tmp_path / f"back{ending}"
    save(_filled(sheet, {"0106x": "01067", "'=plus": "'=plus"}), back)
    before = read_source(spoiled.project).frame
    # What begins as a formula comes back as it was, and so corrects nothing.
    assert data_take(back, spoiled).find("cells_corrected").value == 1
    assert texts(spoiled.project.source)["zip"][40] == "0106x"
    data_undo(1, spoiled)
    assert read_source(spoiled.project).frame.equals(before)


@pytest.mark.parametrize(
    ("column", "value", "now", "said"),
    [
        ("zip", "0106x", "1067", "leading zeros"),
        ("day", "2024-02-30", "29.02.2024", "form of its date"),
        ("zip", "0106x", "1,07E+03", "its digits"),
    ],
)
def test_a_correction_that_a_program_rewrote_is_no_correction(
    spoiled: Workspace, tmp_path: Path, column: str, value: str, now: str, said: str
) -> None:
    path = tmp_path / "review.csv"
    _filled(_review(spoiled, path), {value: now}).write_csv(path)
    with pytest.raises(DataError, match=said) as caught:
        data_take(path, spoiled)
    assert column in str(caught.value)
    assert "review.csv:" in str(caught.value)
    assert data_corrections(spoiled).results == ()


def test_a_value_that_a_program_rewrote_is_noticed(spoiled: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    sheet = _filled(_review(spoiled, path), {"2024-02-30": "2024-02-29"})
    sheet.with_columns(pl.col("value").replace("2024-02-30", "30.02.2024")).write_csv(path)
    with pytest.raises(DataError, match="not as it stands in the data"):
        data_take(path, spoiled)


def test_a_review_that_was_taken_corrects_nothing_once_more_and_says_why(
    spoiled: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "review.csv"
    _filled(_review(spoiled, path), {"0106x": "01067"}).write_csv(path)
    data_take(path, spoiled)
    with pytest.raises(DataError, match="made already"):
        data_take(path, spoiled)
    assert len(data_corrections(spoiled).results) == 1


def test_semicolons_are_written_for_excel_and_other_formats_are_refused(
    spoiled: Workspace, tmp_path: Path
) -> None:
    data_review(spoiled, out=tmp_path / "a.csv", excel=True)
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbfline;row;column;value;")
    with pytest.raises(InputError, match="cannot be written in this format"):
        data_review(spoiled, out=tmp_path / "a.ods")
    assert not (tmp_path / "a.ods").exists()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.sampled_from("'=+-@ ab1;,\"<&é\n"), min_size=1, max_size=6).filter(
            lambda text: text.strip() == text
        ),
        min_size=1,
        max_size=5,
    )
)
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx"])
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, ending: str, values: list[str]
) -> None:
    path = tmp_path_factory.mktemp("sheets") / f"a{ending}"
    write_sheet(path, ["n", "text", "more"], [[n, text, "x"] for n, text in enumerate(values)])
    held = texts(path)["text"].to_list()
    assert [as_given(text) for text in held] == values
    assert not [text for text in held if text[0] in "=+-@"]
