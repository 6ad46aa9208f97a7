"""Any file, however ugly or damaged, is a table with all its rows told, or a plain refusal."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.errors import EvermodelError
from evermodel.project import Reading
from evermodel.tables.delimited import Delimited
from evermodel.tables.understanding import Rejected
from tests.tables.ugly_files import UGLY

_SMALL = [(name, content) for name, content in UGLY if len(content) < 20_000]


def _told_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    found: list[Rejected] = []
    try:
        table = tables.read(path, rejects=found.append)
    except EvermodelError as error:
        refusal = error
    else:
        _adds_up(path, table, found)
        return
    assert refusal.what
    with pytest.raises(EvermodelError):
        tables.understand(path)


def _adds_up(path: Path, table: tables.Table, found: list[Rejected]) -> None:
    """Compare the rows that were read, and those that were told, with all that the file holds."""
    understood = table.understood
    assert table.frame.height == understood.rows > 0
    assert len(found) == understood.rejected_rows
    assert table.frame.columns == [column.name for column in table.schema.columns]
    lines = [*table.lines, *(row.line for row in found)]
    assert len(set(lines)) == len(lines)
    assert sum(batch.height for batch in tables.scan(path)) == understood.rows
    if understood.kind == "text":
        file = Delimited(path, Reading())
        file.settle()
        batches = list(file.batches(65_536))
        rows = sum(len(batch.lines) + len(batch.rejected) for batch in batches)
        assert len(lines) + _empty_rows(understood) == rows


def _empty_rows(understood: tables.Understanding) -> int:
    notes = [note for note in understood.notes if note.startswith("empty rows below")]
    return sum(int(note.rpartition(": ")[2]) for note in notes)


@pytest.mark.parametrize(("name", "content"), UGLY, ids=[name for name, _ in UGLY])
def test_an_ugly_file_is_a_table_or_refused(tmp_path: Path, name: str, content: bytes) -> None:
    _told_or_refused(tmp_path / name, content)


def test_enough_of_the_ugly_files_are_tables_and_enough_are_none(tmp_path: Path) -> None:
    small = [one for one in _SMALL if one[0].endswith(".csv") and "utf-16" not in one[0]]
    refused = 0
    for name, content in small:
        (tmp_path / name).write_bytes(content)
        try:
            tables.understand(tmp_path / name)
        except EvermodelError:
            refused += 1
    assert len(UGLY) > 150
    assert 20 < refused < len(small) - 20


@st.composite
def _damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw an ugly file that was cut, doubled, spliced with another, or had bytes changed."""
    name, content = draw(st.sampled_from(_SMALL))
    for _ in range(draw(st.integers(1, 3))):
        start, stop = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
        how = draw(st.sampled_from(["cut", "double", "splice", "flip", "put"]))
        if how == "cut":
            content = content[:start] + content[stop:]
        elif how == "double":
            content = content[:stop] + content[start:]
        elif how == "splice":
            _, other = draw(st.sampled_from(_SMALL))
            content = content[:start] + other[draw(st.integers(0, len(other))) :]
        elif how == "flip" and content:
            at = draw(st.integers(0, len(content) - 1))
            flipped = content[at] ^ (1 << draw(st.integers(0, 7)))
            content = content[:at] + bytes([flipped]) + content[at + 1 :]
        else:
            odd = st.sampled_from([b'"', b"\n", b"\r", b",", b"\xff", b"\xc3", b"\x00", b"\\"])
            content = content[:start] + draw(odd) + content[start:]
    return name, content


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(file=_damaged())
def test_a_damaged_file_is_a_table_or_refused(tmp_path: Path, file: tuple[str, bytes]) -> None:
    name, content = file
    _told_or_refused(tmp_path / name, content)
