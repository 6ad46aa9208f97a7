"""A line of 100 MB is read or refused in plain words, in memory that such a line explains."""

import subprocess
import sys
from pathlib import Path

import pytest

_SIZE = 100 << 20
_PROGRAM = """
import re, sys
from pathlib import Path
from evermodel.errors import EvermodelError
from evermodel.tables import read
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10
Path("small.csv").write_text("a,b\\n1,x\\n2,y\\n")
read("small.csv")
before = peak()
try:
    table = read(sys.argv[1])
    said = f"{table.frame.height} rows, {max(map(len, map(str, table.frame.row(-1))))} letters"
except EvermodelError as error:
    said = f"refused: {error.what}"
print(peak() - before, said)
"""


def _write(path: Path, before: bytes, after: bytes, piece: bytes = b"0123456789") -> Path:
    with path.open("wb") as file:
        file.write(before)
        for _ in range(_SIZE // (len(piece) << 10)):
            file.write(piece * 1024)
        file.write(after)
    return path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is what Linux says")
@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("bare.csv", b"", b"", "refused: the table has a header and no rows"),
        ("cell.csv", b"a,b\n1,", b"\n2,y\n", "2 rows, 1 letters"),
        ("last.csv", b'a,b\n1,x\n2,"', b'"\n', "2 rows, 104857600 letters"),
        (
            "rows.jsonl",
            b'{"a": 1, "b": "x"}\n{"a": 2, "b": "',
            b'"}\n',
            "2 rows, 104857600 letters",
        ),
        ("bare.jsonl", b"", b"", "refused: no line of the file is a JSON object"),
    ],
)
def test_a_line_of_100_mb_is_read_or_refused_in_bounded_memory(
    tmp_path: Path, name: str, before: bytes, after: bytes, said: str
) -> None:
    path = _write(tmp_path / name, before, after)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    grown, _, found = done.stdout.strip().partition(" ")
    assert found == said
    assert int(grown) < 14 * (_SIZE >> 20), f"{grown} MB more for a line of 100 MB"
