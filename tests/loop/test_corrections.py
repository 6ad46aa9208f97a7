"""People correct cells and repair rows; the source is never written to, and all can be undone."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from evermodel.errors import BusyError, DataError, InputError, NotFoundError
from evermodel.loop.beginning import check, read_source
from evermodel.loop.corrections import (
    data_corrections,
    data_replay,
    data_review,
    data_take,
    data_undo,
)
from evermodel.loop.datasets import data_diff, data_log
from evermodel.loop.retraining import retrain
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace
from tests.loop.shop import Shop

Make = Callable[..., Shop]


def _spoiled(workspace: Workspace) -> Path:
    """Write typing errors into the project's data, and return the file."""
    path = Path(workspace.project.source)
    text = path.read_text()
    lines = text.splitlines()
    words = {",pro,": ",Pro ,", ",basic,": ",basicc,"}
    done = 0
    for place, line in enumerate(lines[1:], start=1):
        for word, wrong in words.items():
            if word in line and place % 97 == 0:
                lines[place] = line.replace(word, wrong)
                done += 1
    assert done >= 3, lines[:3]
    path.write_text("\n".join(lines) + "\n")
    return path


def _filled(review: Path, into: Path) -> int:
    """Fill the review as a person would who knows the plans, and return how many."""
    frame = pl.read_csv(review, infer_schema=False)
    plans = pl.col("column") == "plan"
    filled = frame.with_columns(correction=pl.when(plans).then("suggestion"))
    filled.write_csv(into)
    return int(filled["correction"].is_not_null().sum())


def test_a_review_that_was_filled_becomes_a_patch_and_can_be_undone(
    shop: Make, tmp_path: Path
) -> None:
    workspace = shop().workspace
    path = _spoiled(workspace)
    before = path.read_bytes()
    spoiled = read_source(workspace.project).frame
    review, filled = tmp_path / "review.csv", tmp_path / "filled.csv"
    report = data_review(workspace, out=review)
    assert (report.find("to_review").value or 0) >= 3
    count = _filled(review, filled)
    assert count >= 3
    taken = data_take(filled, workspace)
    assert taken.find("cells_corrected").value == count
    frame = read_source(workspace.project).frame
    words = {word for name in frame.columns for word in frame[name].cast(pl.String).unique()}
    assert not {"Pro ", "basicc"} & words
    assert path.read_bytes() == before
    (listed,) = data_corrections(workspace).results
    assert listed.value == 1
    data_undo(1, workspace)
    assert read_source(workspace.project).frame.equals(spoiled)
    assert data_corrections(workspace).results == ()
    with pytest.raises(NotFoundError, match="no such correction"):
        data_undo(1, workspace)
    # The number of what was undone is not given to another.
    assert data_take(filled, workspace).facts["number"] == 2


def test_a_review_that_leaves_cells_out_says_how_many_there_are(shop: Make, tmp_path: Path) -> None:
    workspace = shop().workspace
    path = _spoiled(workspace)
    lines = path.read_text().splitlines()
    for row in (3, 30, 60, 90):
        cells = lines[row].split(",")
        lines[row] = ",".join([cells[0], "many", *cells[2:]])
    path.write_text("\n".join(lines) + "\n")
    whole = data_review(workspace, out=tmp_path / "whole.csv", most=1000).find("to_review")
    every = int(whole.value or 0)
    assert every >= 7
    assert "--most" not in whole.why
    for most in (1, 3):
        review = tmp_path / f"{most}.csv"
        some = data_review(workspace, out=review, most=most).find("to_review")
        assert some.value == pl.read_csv(review).height <= most
        assert some.why.startswith(f"{some.value:.0f} of {every}, --most shows more; ")


def test_what_is_corrected_is_learned_from_as_what_it_was_meant_to_be(
    shop: Make, tmp_path: Path
) -> None:
    workspace = shop().workspace
    _spoiled(workspace)
    train(workspace)
    review, filled = tmp_path / "review.csv", tmp_path / "filled.csv"
    data_review(workspace, out=review)
    count = _filled(review, filled)
    data_take(filled, workspace)
    assert data_diff("2", "", workspace).find("rows_changed").value == count
    # Corrected it is what was learned from before it was spoiled.
    assert data_diff("1", "", workspace).facts["same"] is True
    train(workspace)
    assert len(data_log(workspace).results) == 2
    trained = [event.body["data_version"] for event in workspace.events("trained")]
    assert trained[0] == trained[2] != trained[1]
    (event,) = workspace.events("corrected")
    assert event.body["cells"] == count
    assert "basicc" not in str(event.body)


def test_outcomes_that_look_wrong_are_reviewed_beside_cells_and_corrected_alike(
    shop: Make, tmp_path: Path
) -> None:
    workspace = shop().workspace
    path = Path(workspace.project.source)
    frame = pl.read_csv(path, infer_schema=False)
    certain = frame.with_columns(
        visits=pl.int_range(pl.len()).cast(pl.String),
        churned=pl.when(pl.int_range(pl.len()) < 500).then(pl.lit("yes")).otherwise(pl.lit("no")),
    )
    wrong = [100, 900]
    flipped = pl.Series(
        [
            "no" if row == 100 else "yes" if row == 900 else was
            for row, was in enumerate(certain["churned"])
        ]
    )
    certain.with_columns(churned=flipped).write_csv(path)
    review = tmp_path / "review.csv"
    data_review(workspace, out=review)
    found = pl.read_csv(review).filter(pl.col("column") == "churned")
    assert set(wrong) <= set(found["row"][:5])
    assert found.filter(pl.col("row") == 100)["suggestion"].to_list() == ["yes"]
    found.with_columns(correction=pl.when(pl.col("row").is_in(wrong)).then("suggestion")).write_csv(
        review
    )
    data_take(review, workspace)
    assert read_source(workspace.project).frame["churned"].to_list() == certain["churned"].to_list()


def test_an_empty_or_foreign_review_changes_nothing(shop: Make, tmp_path: Path) -> None:
    workspace = shop().workspace
    _spoiled(workspace)
    review = tmp_path / "review.csv"
    data_review(workspace, out=review)
    with pytest.raises(InputError, match="there is a file already"):
        data_review(workspace, out=review)
    with pytest.raises(DataError, match="corrects nothing"):
        data_take(review, workspace)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no file that evermodel"):
        data_take(other, workspace)
    gone = tmp_path / "gone.csv"
    frame = pl.read_csv(review, infer_schema=False).with_columns(
        correction=pl.lit("x"), name=pl.lit("0" * 16)
    )
    frame.write_csv(gone)
    with pytest.raises(DataError, match="not in the data any more") as caught:
        data_take(gone, workspace)
    assert "gone.csv:2" in str(caught.value)
    assert data_corrections(workspace).results == ()


def test_rows_in_quarantine_are_taken_back_after_a_repair(shop: Make, tmp_path: Path) -> None:
    workspace = shop().workspace
    path = Path(workspace.project.source)
    lines = path.read_text().splitlines()
    whole = [*lines[:51], f"{lines[51]},too,many", *lines[52:], lines[1].rsplit(",", 2)[0]]
    path.write_text("\n".join(whole) + "\n")
    rows = read_source(workspace.project).frame.height
    quarantine = tmp_path / "quarantine.csv"
    report = check(folder=workspace.project.root, quarantine=quarantine, thorough=False)
    assert report.find("rejected_rows").value == 2
    held = pl.read_csv(quarantine, infer_schema=False)
    assert held["line"].to_list() == ["52", str(len(whole))]
    assert held["row"][0] == whole[51]
    with pytest.raises(DataError, match="can be read yet"):
        data_replay(quarantine, workspace)
    repaired = held.with_columns(row=pl.Series([lines[51], held["row"][1]]))
    repaired.write_csv(quarantine)
    taken = data_replay(quarantine, workspace)
    assert taken.find("rows_taken_in").value == 1
    assert taken.find("rows_left").value == 1
    frame = read_source(workspace.project).frame
    assert frame.height == rows + 1
    # A row is taken in once, however often the file is given back.
    with pytest.raises(DataError, match="no row is in quarantine there"):
        data_replay(quarantine, workspace)
    data_undo(1, workspace)
    assert read_source(workspace.project).frame.height == rows


def test_a_sheet_that_was_repaired_for_another_row_on_that_line_is_not_taken_for_it(
    shop: Make, tmp_path: Path
) -> None:
    workspace = shop().workspace
    path = Path(workspace.project.source)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, "c900001,1"]) + "\n")
    quarantine = tmp_path / "q.csv"
    check(folder=workspace.project.root, quarantine=quarantine, thorough=False)
    mended = lines[1].replace("c000000", "c900001")
    held = pl.read_csv(quarantine, infer_schema=False).with_columns(row=pl.lit(mended))
    held.write_csv(quarantine)
    path.write_text("\n".join([*lines, "c900002,2"]) + "\n")
    with pytest.raises(DataError, match="no row is in quarantine there"):
        data_replay(quarantine, workspace)
    # The row went a line down, and another stands on its own.
    path.write_text("\n".join([*lines, "c900002,2", "c900001,1"]) + "\n")
    data_replay(quarantine, workspace)
    table = read_source(workspace.project)
    assert table.frame["customer"][-1] == "c900001"
    assert [row.line for row in table.understood.rejected] == [len(lines) + 1]
    # A sheet of an earlier version has no names, and its lines alone.
    held.drop("name").with_columns(row=pl.lit(mended.replace("900001", "900002"))).write_csv(
        quarantine
    )
    data_replay(quarantine, workspace)
    assert read_source(workspace.project).frame["customer"][-1] == "c900002"


def test_a_damaged_correction_is_said_and_not_passed_over(shop: Make, tmp_path: Path) -> None:
    workspace = shop().workspace
    _spoiled(workspace)
    review, filled = tmp_path / "review.csv", tmp_path / "filled.csv"
    data_review(workspace, out=review)
    _filled(review, filled)
    data_take(filled, workspace)
    (kept,) = (workspace.root / "patches" / "shop").iterdir()
    kept.write_text(kept.read_text()[:-20])
    with pytest.raises(DataError, match="damaged"):
        read_source(workspace.project)


def test_training_keeps_rows_it_could_not_read_until_all_can_be_read(shop: Make) -> None:
    workspace = shop().workspace
    path = Path(workspace.project.source)
    text = path.read_text()
    path.write_text(text + "c999999,1\n")
    found = train(workspace).find("quarantine")
    kept = workspace.root / "quarantine" / "shop.csv"
    assert (found.value, str(kept) in found.why) == (1, True)
    assert pl.read_csv(kept)["row"].to_list() == ["c999999,1"]
    assert check(folder=workspace.project.root, thorough=False).find("quarantine").value == 1
    path.write_text(text)
    train(workspace)
    assert not kept.exists()


def test_what_was_taken_back_is_left_out_no_more_and_totals_stay_out(
    shop: Make, tmp_path: Path
) -> None:
    workspace = shop().workspace
    path = Path(workspace.project.source)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, "c900001,1", "c900002,2"]) + "\n")
    quarantine = tmp_path / "q.csv"
    check(folder=workspace.project.root, quarantine=quarantine, thorough=False)
    with pytest.raises(DataError, match="it stands as it was"):
        data_replay(quarantine, workspace)
    held = pl.read_csv(quarantine, infer_schema=False)
    held.with_columns(
        row=pl.Series([lines[1].replace("c000000", "c900001"), "c900002,2"])
    ).write_csv(quarantine)
    data_replay(quarantine, workspace)
    report = check(folder=workspace.project.root, thorough=False)
    assert report.find("rejected_rows").value == 1
    assert any("correction 1 (quarantine)" in note for note in report.facts["understood"])


def test_a_correction_that_is_no_number_is_refused(shop: Make, tmp_path: Path) -> None:
    workspace = shop().workspace
    path = Path(workspace.project.source)
    frame = pl.read_csv(path, infer_schema=False)
    frame.with_columns(
        amount=pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("-999999")).otherwise("amount")
    ).write_csv(path)
    review = tmp_path / "review.csv"
    data_review(workspace, out=review)
    found = pl.read_csv(review, infer_schema=False)
    amounts = pl.col("column") == "amount"
    for wrong, said in (("fifty", "is no number"), ("50", "")):
        filled = tmp_path / f"{wrong}.csv"
        found.with_columns(correction=pl.when(amounts).then(pl.lit(wrong))).write_csv(filled)
        if said:
            with pytest.raises(DataError, match=said):
                data_take(filled, workspace)
            assert data_corrections(workspace).results == ()
        else:
            data_take(filled, workspace)
    assert read_source(workspace.project).schema["amount"].type == "number"


def _check_into(root: str, flag: str, path: Path) -> None:
    html, quarantine = (path, "") if flag == "html" else ("", path)
    check(folder=root, thorough=False, html=html, quarantine=quarantine)


@pytest.mark.parametrize("flag", ["html", "quarantine"])
def test_no_output_of_check_ever_replaces_what_is_read_or_another_file(
    shop: Make, tmp_path: Path, flag: str
) -> None:
    workspace = shop().workspace
    path = Path(workspace.project.source)
    before = path.read_bytes()
    root = workspace.project.root
    with pytest.raises(InputError, match="replace the input"):
        _check_into(root, flag, path)
    with pytest.raises(InputError, match="replace the input"):
        data_review(workspace, out=path, force=True)
    assert path.read_bytes() == before
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    with pytest.raises(InputError, match="none of Evermodel's"):
        _check_into(root, flag, other)
    page = tmp_path / "page.html"
    for _ in range(2):
        check(folder=root, thorough=False, html=page)


class _Cut(BaseException):
    """Somebody presses Ctrl-C."""


def _cut_off(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]
) -> None:
    """Stop a command when the data are changed and the ledger does not know."""

    def stop(*_: object, **__: object) -> None:
        raise _Cut

    with monkeypatch.context() as patched:
        patched.setattr(workspace, "record", stop)
        with pytest.raises(_Cut):
            run()


def test_what_was_cut_off_before_the_ledger_knew_is_told_by_the_next_use(
    shop: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = shop().workspace
    _spoiled(workspace)
    before = read_source(workspace.project).frame
    review, filled = tmp_path / "review.csv", tmp_path / "filled.csv"
    data_review(workspace, out=review)
    count = _filled(review, filled)
    _cut_off(workspace, monkeypatch, lambda: data_take(filled, workspace))
    assert len(data_corrections(workspace).results) == 1
    with pytest.raises(DataError, match="corrects nothing"):
        data_take(filled, workspace)
    (event,) = workspace.events("corrected")
    assert (event.body["number"], event.body["cells"], event.actor) == (1, count, "test")
    _cut_off(workspace, monkeypatch, lambda: data_undo(1, workspace))
    assert read_source(workspace.project).frame.equals(before)
    assert workspace.events("uncorrected") == []
    # The same command ends what it began, and is told once.
    assert data_undo(1, workspace).find("undone").value == 1
    with pytest.raises(NotFoundError, match="no such correction"):
        data_undo(1, workspace)
    assert [event.body["number"] for event in workspace.events("uncorrected")] == [1]
    assert len(workspace.events("corrected")) == 1


@pytest.mark.parametrize("learn", [train, retrain])
def test_training_tells_of_a_correction_that_it_learns_from(
    shop: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    learn: Callable[[Workspace], object],
) -> None:
    workspace = shop().workspace
    _spoiled(workspace)
    review, filled = tmp_path / "review.csv", tmp_path / "filled.csv"
    data_review(workspace, out=review)
    _filled(review, filled)
    _cut_off(workspace, monkeypatch, lambda: data_take(filled, workspace))
    learn(workspace)
    kinds = [event.kind for event in workspace.events()]
    told = kinds.index("corrected")
    assert kinds[told + 1 :].count("trained") == 1


def test_nobody_undoes_while_another_takes(shop: Make) -> None:
    workspace = shop().workspace
    with workspace.job("correct"), pytest.raises(BusyError):
        data_undo(1, workspace)
