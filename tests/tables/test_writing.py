"""Files appear whole or not at all, and texts are altered only when this is asked for."""

import errno
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from evermodel import tables
from evermodel.errors import DataError, SurroundingsError


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet"])
def test_batches_become_one_file(tmp_path: Path, name: str) -> None:
    when = datetime(2020, 1, 31, 10, 0, 0, 250)
    batches = [pl.DataFrame({"a": [i], "s": ['q"\n,\t'], "t": [when]}) for i in range(3)]
    assert tables.write(iter(batches), tmp_path / name) == 3
    assert tables.read(tmp_path / name).frame.equals(pl.concat(batches))
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_write_that_fails_leaves_the_older_file(tmp_path: Path, name: str) -> None:
    tables.write(pl.DataFrame({"a": [1]}), tmp_path / name)

    def batches() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"a": [2]})
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SurroundingsError, match="cannot be written") as caught:
        tables.write(batches(), tmp_path / name)
    assert "No space left" in caught.value.found
    assert tables.read(tmp_path / name).frame["a"].to_list() == [1]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_formulas_are_defused_only_when_asked(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-x", "@sum", "\tx", "plain", None]
    frame = pl.DataFrame({"s": texts, "n": [-1] * 7})
    tables.write(frame, tmp_path / "raw.csv")
    tables.write(frame, tmp_path / "safe.csv", spreadsheet_safe=True)
    assert tables.read(tmp_path / "raw.csv").frame["s"].to_list() == texts
    safe = tables.read(tmp_path / "safe.csv").frame
    assert safe["s"].to_list() == ["'=1+1", "'+1", "'-x", "'@sum", "'\tx", "plain", None]
    assert safe["n"].to_list() == [-1] * 7


def test_other_formats_and_empty_streams_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="format"):
        tables.write(pl.DataFrame({"a": [1]}), tmp_path / "a.xlsx")
    with pytest.raises(DataError, match="nothing"):
        tables.write(iter([]), tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match="cannot be written"):
        tables.write(pl.DataFrame({"a": [1]}), tmp_path / "no" / "a.csv")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("n;x\n1;1,5\n2;2,5\n", "n;x\n1;1,5\n2;2,5\n"),
        ("n;ö\n1;1,5\n2;2,5\n", "\ufeffn;ö\n1;1,5\n2;2,5\n"),
        ("n\tx\n1\t1.5\n", "n\tx\n1\t1.5\n"),
        ('n,x\n1,"1,5"\n2,"2,5"\n', "n,x\n1,1.5\n2,2.5\n"),
    ],
)
def test_a_table_is_written_as_another_was_read(tmp_path: Path, text: str, written: str) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(text.encode("cp1252"))
    table = tables.read(source)
    tables.write(table.frame, target, like=table.understood)
    assert target.read_text(encoding="utf-8") == written
    assert tables.read(target).frame.equals(table.frame)
    tables.write(table.frame, tmp_path / "out.tsv", like=table.understood)
    assert "\t" in (tmp_path / "out.tsv").read_text()
