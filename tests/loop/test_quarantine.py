"""What somebody repairs in a quarantine is never lost, whatever the source becomes meanwhile."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evermodel.errors import DataError
from evermodel.loop.beginning import check, read_source
from evermodel.loop.corrections import data_replay, data_undo
from evermodel.loop.workspace import Workspace
from evermodel.tables import texts
from tests.loop.shop import Shop

Make = Callable[..., Shop]
REPAIR = "c900001,50,3,pro,no"


class _Cut(BaseException):
    """The power goes."""


class Place:
    """A project whose source gets rows that cannot be read."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.source = Path(workspace.project.source)
        self.text = self.source.read_text()
        self.file = workspace.root / "quarantine" / "shop.csv"

    def check(self, *rows: str, quarantine: str | Path = "") -> list[str]:
        """Check a source with these rows below it; return what is said of the quarantine."""
        self.source.write_text(self.text + "".join(f"{row}\n" for row in rows))
        report = check(folder=self.workspace, thorough=False, quarantine=quarantine)
        return [each.why for each in report.results if each.name == "quarantine"]

    def repair(self, row: str, to: str = REPAIR, *, file: Path | None = None) -> None:
        """Repair one row as a spreadsheet program would save it."""
        file = file or self.file
        sheet = texts(file)
        sheet.with_columns(row=sheet["row"].replace(row, to)).write_csv(file)

    def held(self) -> dict[str, bool]:
        """Return the files in quarantine, and whether the repair is in them."""
        files = self.file.parent.glob("*")
        return {path.name: REPAIR in path.read_text(encoding="utf-8-sig") for path in files}


@pytest.fixture
def place(shop: Make) -> Place:
    return Place(shop().workspace)


def test_a_repair_outlives_every_change_of_the_source(place: Place) -> None:
    place.check("c900001,1")
    place.repair("c900001,1")
    (said,) = place.check("c900001,1", "c900002,2")
    assert said.endswith("the file that was there is shop.before.csv now")
    (said,) = place.check("c900001,1", "c900002,2", "c900003,3")
    # Nobody worked on the second one.
    assert "the file that was there" not in said
    assert place.held() == {"shop.csv": False, "shop.before.csv": True}
    place.repair("c900001,1")
    place.check("c900001,1")
    assert place.held() == {
        "shop.csv": False,
        "shop.before.csv": True,
        "shop.before-2.csv": True,
    }
    place.repair("c900001,1")
    (said,) = place.check()
    assert "all rows can be read now" in said
    assert "shop.before-3.csv" in said
    assert not place.file.exists()
    assert place.held()["shop.before-3.csv"]
    assert place.check() == []


def test_what_nobody_worked_on_or_was_taken_in_whole_is_not_kept(place: Place) -> None:
    place.check("c900001,1", "'=c9,\"x", 'y",3,')
    place.check("c900001,1")
    assert place.held() == {"shop.csv": False}
    place.repair("c900001,1")
    data_replay(place.file, place.workspace)
    assert place.check("c900001,1") == []
    assert place.held() == {}
    # An undone repair is one that is to do again.
    data_undo(1, place.workspace)
    place.check("c900001,1")
    place.repair("c900001,1")
    place.check()
    assert place.held() == {"shop.before.csv": True}


def test_a_repaired_file_of_ones_own_is_not_replaced_either(place: Place, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    assert place.check("c900001,1", quarantine=own) == []
    assert place.check("c900001,1", "c900002,2", quarantine=own) == []
    place.repair("c900001,1", file=own)
    # As another program writes it there is no mark in front: it is put back.
    own.write_text("\ufeff" + own.read_text(encoding="utf-8-sig"), encoding="utf-8")
    (said,) = place.check("c900001,1", "c900002,2", quarantine=own)
    assert said.endswith("the file that was there is own.before.csv now")
    assert REPAIR in (tmp_path / "own.before.csv").read_text()
    data_replay(tmp_path / "own.before.csv", place.workspace)
    assert read_source(place.workspace.project).frame["customer"][-1] == "c900001"


def test_totals_notes_and_headers_are_told_and_not_offered_for_repair(
    place: Place, tmp_path: Path
) -> None:
    header = place.text.splitlines()[0]
    assert place.check(header, "Source: the till,,,,") == []
    found = check(folder=place.workspace, thorough=False, quarantine=tmp_path / "q.csv")
    assert found.find("rejected_rows").value == 2
    assert not (tmp_path / "q.csv").exists()
    (said,) = place.check(header, "c900001,1", "Source: the till,,,,")
    assert texts(place.file)["row"].to_list() == ["c900001,1"]
    assert str(place.file) in said


@pytest.mark.parametrize(
    ("separator", "quote", "repaired"),
    [
        (";", '"', 'c900001;50;3;"pro; and ""more""";no'),
        ("\t", "", 'c900001\t50\t3\tpro; and "more"\tno'),
        ("|", '"', 'c900001|50|3|"pro; and ""more"""|no'),
    ],
)
def test_a_row_is_repaired_as_the_file_writes_its_rows(
    place: Place, separator: str, quote: str, repaired: str
) -> None:
    rows = place.text.replace(",", separator)
    # Without quotes of its own, a file says by stray ones that they are signs like any other.
    other = 'c900000,1,1,5" pro,no'.replace(",", separator)
    place.text = rows + (f"{other}\n" if not quote else "")
    whole = repaired.replace(separator, f"{separator}too many{separator}", 1)
    place.check(whole)
    assert texts(place.file)["row"].to_list() == [whole]
    place.repair(whole, repaired)
    assert data_replay(place.file, place.workspace).find("rows_taken_in").value == 1
    frame = read_source(place.workspace.project).frame
    assert frame.filter(frame["customer"] == "c900001")["plan"].to_list() == ['pro; and "more"']


def test_cut_off_at_any_step_the_file_is_there_and_the_repair_too(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.check("c900001,1")
    place.repair("c900001,1")
    real = os.fsync
    for step in range(1, 9):
        calls = 0

        def cut(handle: int, step: int = step) -> None:
            nonlocal calls
            calls += 1
            if calls == step:
                raise _Cut
            real(handle)

        monkeypatch.setattr(os, "fsync", cut)
        try:
            place.check("c900001,1", "c900002,2")
        except _Cut:
            assert place.file.exists()
            assert any(place.held().values())
        else:
            break
    assert step > 3
    monkeypatch.undo()
    place.check("c900001,1", "c900002,2")
    names = sorted(place.held())
    assert names[-1] == "shop.csv"
    assert not [name for name in names if name.startswith(".")]
    (kept, *_) = [name for name, found in place.held().items() if found]
    data_replay(place.file.parent / kept, place.workspace)
    with pytest.raises(DataError, match="no row is in quarantine there"):
        data_replay(place.file.parent / kept, place.workspace)
    frame = read_source(place.workspace.project).frame
    assert frame["customer"].to_list().count("c900001") == 1


def test_parts_that_killed_processes_left_are_forgotten_after_a_day(place: Place) -> None:
    place.check("c900001,1")
    old = [place.file.with_name(f".shop.csv{end}") for end in (".part", ".123.abcd.tmp")]
    for path in old:
        path.write_text("rows of people")
        os.utime(path, (0, 0))
    place.check("c900001,1")
    assert not [path for path in old if path.exists()]
