"""Lines in another encoding than the others are read or set aside, and told in either case."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.project import Reading
from evermodel.tables import delimited
from evermodel.tables.encodings import Census, LineByLine, is_utf8, mostly_utf8
from evermodel.tables.understanding import Rejected

NOT_UTF8 = "not UTF-8 as the others are"


def _lines(count: int, name: str = "Müller") -> list[bytes]:
    return [f"{n},{name},{n * 3}\n".encode() for n in range(count)]


def _file(path: Path, lines: list[bytes], header: bytes = b"id,name,n\n") -> Path:
    content = header + b"".join(lines)
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return path


def _notes(table: tables.Table, word: str) -> list[str]:
    return [note for note in table.understood.notes if word in note]


@pytest.mark.parametrize("place", [0, 150, 299])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_one_line_of_windows_1252_among_utf8_is_read_and_named(
    tmp_path: Path, place: int, name: str
) -> None:
    lines = _lines(300)
    lines[place] = f"{place},Müller,{place * 3}\n".encode("cp1252")
    table = tables.read(_file(tmp_path / name, lines))
    assert table.frame["name"].unique().to_list() == ["Müller"]
    assert table.frame["id"].to_list() == list(range(300))
    assert table.understood.encoding == "utf-8"
    assert table.understood.odd_lines == 1
    (note,) = _notes(table, NOT_UTF8)
    assert note.endswith(f"line {place + 2}")


def test_a_line_far_behind_the_head_is_read_and_named(tmp_path: Path) -> None:
    plain = [b"7,Ann,21\n"] * 200_000
    odd = "8,Jos\xe9,24\n".encode("cp1252")
    path = _file(tmp_path / "a.csv", [*_lines(300), *plain, odd, *plain])
    assert path.stat().st_size > 3 << 20
    table = tables.read(path)
    assert table.frame["name"][200_300] == "José"
    assert table.frame["name"][0] == "Müller"
    assert _notes(table, NOT_UTF8)[0].endswith("line 200302")


def test_a_file_whose_letters_all_lie_behind_the_head_is_read_by_most_of_them(
    tmp_path: Path,
) -> None:
    plain = [b"7,Ann,21\n"] * 200_000
    odd = "8,Müller,24\n".encode("cp1252")
    table = tables.read(_file(tmp_path / "a.csv", [odd, *plain, *_lines(300)]))
    assert table.frame["name"].unique().sort().to_list() == ["Ann", "Müller"]
    assert _notes(table, NOT_UTF8)[0].endswith("line 2")
    assert not _notes(table, "the text is not UTF-8")


@pytest.mark.parametrize("block", [100, 1000])
def test_a_line_over_the_edge_of_a_block_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", block)
    lines = _lines(200)
    for place in range(0, 200, 7):
        lines[place] = f"{place},Müller,{place * 3}\n".encode("cp1252")
    path = _file(tmp_path / "a.csv", lines)
    table = tables.read(path)
    assert table.frame["name"].unique().to_list() == ["Müller"]
    assert list(table.lines) == list(range(2, 202))
    assert table.understood.odd_lines == 29
    names = [name for batch in tables.scan(path) for name in batch["name"]]
    assert names == ["Müller"] * 200


@pytest.mark.parametrize(
    "odd",
    [
        b"7,M\x81ller,9\n",  # of DOS: no letter in Windows-1252
        b"7,Andr\x82,9\n",  # of DOS: a quote where a letter should be
        b"7,M\xc3,9\n7,Mull\xc3,9\n",  # a letter that was cut in half
        "7,Zoë,".encode() + b"M\xfcller\n",  # a line in both
    ],
)
def test_a_line_that_gives_no_clean_text_is_set_aside_and_named(tmp_path: Path, odd: bytes) -> None:
    lines = _lines(300)
    lines[150] = odd
    last = 152 + odd.count(b"\n") - 1
    found: list[Rejected] = []
    path = _file(tmp_path / "a.csv", lines)
    table = tables.read(path, rejects=found.append)
    assert [row.line for row in found] == [last]
    assert found[0].reason == "letters that are neither UTF-8 nor Windows-1252"
    assert "\ufffd" in found[0].text
    assert found[0].text.count(",") == 2
    assert table.understood.unread_rows == 1
    assert last not in table.lines
    assert {"Müller"} <= set(table.frame["name"]) <= {"Müller", "MÃ"}
    assert _notes(table, f"left out: line {last}: letters that are neither")
    assert sum(batch.height for batch in tables.scan(path)) == table.frame.height


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("block", [150, 1 << 24])
def test_the_row_that_is_set_aside_is_the_one_the_line_belongs_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: bool, block: int
) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", block)
    lines = _lines(40)
    lines[3] = '3,"Müller\nand "'.encode() + (b"x" if slow else b"") + b",9\n"
    lines[10] = b'10,"one\nM\x81ller\nthree",9\n'
    lines[20] = b"20,M\x81ller\n"  # left out for its cells, and the row above it is not
    lines[30] = b"\n"
    lines[31] = b"31,M\x81ller,9\n"
    found: list[Rejected] = []
    table = tables.read(_file(tmp_path / "a.csv", lines), rejects=found.append)
    reasons = {row.line: row.reason.split(" ")[0] for row in found}
    aside = {13: "letters", 25: "2", 36: "letters"}
    assert reasons == aside | ({5: "text"} if slow else {})
    assert set(range(40)) - set(table.frame["id"]) == {10, 20, 30, 31} | ({3} if slow else set())
    by_line = {row.line: row.text for row in found}
    assert by_line[13] == '10,"one\nM\ufffdller\nthree",9'


def test_a_header_in_another_encoding_is_read(tmp_path: Path) -> None:
    header = "id,Straße,n\n".encode("cp1252")
    path = _file(tmp_path / "a.csv", _lines(300), header)
    table = tables.read(path)
    assert table.frame.columns == ["id", "Straße", "n"]
    assert [batch.columns for batch in tables.scan(path)] == [["id", "Straße", "n"]]
    assert _notes(table, NOT_UTF8)[0].endswith("line 1")


def test_a_header_that_gives_no_clean_text_is_told(tmp_path: Path) -> None:
    table = tables.read(_file(tmp_path / "a.csv", _lines(300), b"id,M\x81,n\n"))
    assert table.frame.height == 300
    assert _notes(table, "neither UTF-8 nor Windows-1252 above the rows: line 1")


def test_a_file_with_a_byte_order_mark_is_utf8_whatever_most_lines_are(tmp_path: Path) -> None:
    lines = [b"\xef\xbb\xbfid,name,n\n", *_lines(1), *["1,Jos\xe9,2\n".encode("cp1252")] * 9]
    table = tables.read(_file(tmp_path / "a.csv", lines, b""))
    assert table.frame.columns == ["id", "name", "n"]
    assert table.frame["name"].to_list() == ["Müller", *["José"] * 9]
    assert _notes(table, NOT_UTF8)[0].endswith("9 lines, 3, 4, 5, 6, 7, 8, 9, 10, 11")


def test_lines_that_old_macs_end_are_counted_too(tmp_path: Path) -> None:
    lines = [line.replace(b"\n", b"\r") for line in _lines(300)]
    lines[7] = "7,Müller,21\r".encode("cp1252")
    table = tables.read(_file(tmp_path / "a.csv", lines, b"id,name,n\r"))
    assert table.frame["name"].unique().to_list() == ["Müller"]
    assert _notes(table, NOT_UTF8)[0].endswith("line 9")


def test_lines_of_utf8_in_a_file_of_one_byte_a_letter_are_told(tmp_path: Path) -> None:
    lines = [f"{n},Müller,{n}\n".encode("cp1252") for n in range(300)]
    lines[149] = "149,Müller,149\n".encode()
    table = tables.read(_file(tmp_path / "a.csv", lines))
    assert table.understood.encoding == "cp1252"
    assert table.understood.odd_lines == 0
    assert table.frame["name"][0] == "Müller"
    (note,) = _notes(table, "UTF-8 where the others are Windows-1252")
    assert note.endswith("line 151")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1"])
def test_a_file_in_one_encoding_is_told_no_line(tmp_path: Path, encoding: str) -> None:
    lines = [f"{n},{name},{n}\n".encode(encoding) for n, name in enumerate(["Müller", "Zoë"] * 99)]
    table = tables.read(_file(tmp_path / "a.csv", lines))
    assert set(table.frame["name"]) == {"Müller", "Zoë"}
    assert not [note for note in table.understood.notes if " others are" in note]


def test_what_is_said_of_the_encoding_is_not_weighed_against_the_lines(tmp_path: Path) -> None:
    lines = _lines(300)
    lines[9] = "9,Müller,27\n".encode("cp1252")
    path = _file(tmp_path / "a.csv", lines)
    table = tables.read(path, reading=Reading(encoding="cp1252"))
    assert table.frame["name"][9] == "Müller"
    assert table.frame["name"][0] == "MÃ¼ller"


_PARTS = st.lists(
    st.sampled_from(
        [
            b"a", b"\n", b",", b"\xe9", b"\x81", b"\xc3", b"\xa9", b"\xe2\x82", b"\xed\xa0\x80",
            b"\xf0\x90\x80", b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"\xc0\x80", b"\xff",
            "é".encode(), "€".encode(), "😀".encode(), "\U0010ffff".encode(), "\ud7ff".encode(),
        ]
    ),
    max_size=24,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(parts=_PARTS)
def test_the_lines_that_are_not_utf8_are_those_that_cannot_be_decoded(parts: list[bytes]) -> None:
    content = b"".join(parts)
    lines = content.split(b"\n")
    census = Census(b"\n")
    census.add(content)
    odd = [number for number, line in enumerate(lines, start=1) if not is_utf8(line)]
    assert list(census.first_odd) == odd[:20]
    assert [census.first_odd[line] for line in odd[:20]] == [lines[n - 1] for n in odd[:20]]
    assert census.utf8 == sum(is_utf8(line) and not line.isascii() for line in lines)
    text = LineByLine(b"\n").utf8(content)
    assert is_utf8(text)
    assert text.count(b"\n") == content.count(b"\n")
    assert mostly_utf8(content + b"\n") == (census.odd <= census.utf8)


def test_counting_is_the_same_whatever_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    content = rng.choice(np.frombuffer(b"ab\n\xc3\xa9\xe2", np.uint8), 5_000).tobytes()
    lines = []
    for piece in (1 << 20, 100):
        monkeypatch.setattr("evermodel.tables.encodings._PIECE", piece)
        census, by_line = Census(b"\n"), LineByLine(b"\n")
        census.add(content)
        lines.append((census, by_line.utf8(content), by_line.broken, by_line.line))
    assert lines[0] == lines[1]
