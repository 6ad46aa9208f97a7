"""Whatever is done to a ledger behind its back is found, and the first bad event is named."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evermodel.errors import SurroundingsError
from evermodel.records import CheckResult, worst
from evermodel.store import FixedClock, Keys, SqliteLedger
from evermodel.store.chain import GENESIS, seal
from tests.store.workspace import NOON, open_ledger

_EVENTS = 8
_TRIGGERS = ("event_stays", "event_is_fixed")
_FIELDS = ("time", "project", "kind", "actor", "body", "previous", "hash", "signature")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    with open_ledger(folder, events=_EVENTS):
        pass
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "workspace"))


@contextmanager
def attack(folder: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(folder / "store.db", isolation_level=None)
    for name in _TRIGGERS:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    try:
        yield connection
    finally:
        connection.close()


def found(folder: Path) -> list[CheckResult]:
    with open_ledger(folder) as ledger:
        return [result for result in ledger.verify() if result.verdict == "fail"]


def first_bad(folder: Path) -> int:
    results = found(folder)
    assert results
    return min(int(result.evidence["seq"]) for result in results)


def test_an_untouched_ledger_passes_under_the_attackers_tools(folder: Path) -> None:
    with attack(folder):
        pass
    assert found(folder) == []


@pytest.mark.parametrize("field", _FIELDS)
def test_an_altered_field_is_found(folder: Path, field: str) -> None:
    with attack(folder) as connection:
        connection.execute(f"UPDATE event SET {field} = {field} || ' ' WHERE seq = 4")
    assert first_bad(folder) == 4


def test_a_removed_event_is_found(folder: Path) -> None:
    with attack(folder) as connection:
        connection.execute("DELETE FROM event WHERE seq = 3")
    assert first_bad(folder) == 3
    assert "event 3 is missing" in " ".join(result.why for result in found(folder))


def test_a_removed_event_with_the_rest_moved_up_is_found(folder: Path) -> None:
    with attack(folder) as connection:
        connection.execute("DELETE FROM event WHERE seq = 3")
        for seq in range(4, _EVENTS + 1):
            connection.execute("UPDATE event SET seq = ? WHERE seq = ?", (seq - 1, seq))
    assert first_bad(folder) == 3


def test_reordered_events_are_found(folder: Path) -> None:
    with attack(folder) as connection:
        for old, new in ((5, 99), (6, 5), (99, 6)):
            connection.execute("UPDATE event SET seq = ? WHERE seq = ?", (new, old))
    assert first_bad(folder) == 5


def test_an_inserted_event_is_found(folder: Path) -> None:
    with attack(folder) as connection:
        for seq in range(_EVENTS, 4, -1):
            connection.execute("UPDATE event SET seq = ? WHERE seq = ?", (seq + 1, seq))
        copied = "time, project, kind, actor, body, previous, hash, signature"
        connection.execute(f"INSERT INTO event SELECT 5, {copied} FROM event WHERE seq = 4")
    assert first_bad(folder) == 5


def test_an_event_added_at_the_end_without_the_key_is_found_and_not_built_upon(
    folder: Path,
) -> None:
    with attack(folder) as connection:
        previous = connection.execute("SELECT hash FROM event WHERE seq = ?", (_EVENTS,))
        last = previous.fetchone()[0]
        fields = ("2026-11-03T12:00:00.000000Z", "churn", "promoted", "test")
        row = seal(_EVENTS + 1, *fields, {}, last, Keys(folder.parent / "other"))
        connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    assert first_bad(folder) == _EVENTS + 1
    with open_ledger(folder) as ledger, pytest.raises(SurroundingsError, match="altered outside"):
        ledger.append("churn", "labels", {}, actor="test")


def test_a_cut_tail_is_found_and_not_built_upon(folder: Path) -> None:
    with attack(folder) as connection:
        connection.execute("DELETE FROM event WHERE seq > 6")
    assert first_bad(folder) == 7
    (result,) = found(folder)
    assert result.why == "events 7 to 8 were cut off"
    with open_ledger(folder) as ledger, pytest.raises(SurroundingsError, match="altered outside"):
        ledger.append("churn", "labels", {}, actor="test")


def test_a_deleted_database_is_not_taken_for_a_new_one(folder: Path) -> None:
    for path in folder.glob("store.db*"):
        path.unlink()
    assert first_bad(folder) == 1
    with open_ledger(folder) as ledger, pytest.raises(SurroundingsError, match="altered outside"):
        ledger.append("churn", "labels", {}, actor="test")


def _rewrite(connection: sqlite3.Connection, keys: Keys) -> None:
    rows = connection.execute("SELECT * FROM event ORDER BY seq").fetchall()
    connection.execute("DELETE FROM event")
    previous = GENESIS
    for seq, time, project, kind, actor, *_ in rows:
        row = seal(seq, time, project, kind, actor, {"number": -1}, previous, keys)
        connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        previous = row[7]


def test_a_chain_rewritten_with_another_key_is_found(folder: Path) -> None:
    with attack(folder) as connection:
        _rewrite(connection, Keys(folder.parent / "other"))
    assert first_bad(folder) == 1
    names = {result.name for result in found(folder)}
    assert names == {"ledger_signatures", "ledger_heads"}


def test_heads_rewritten_along_with_the_chain_are_found(folder: Path) -> None:
    other = folder.parent / "other"
    with open_ledger(other, events=_EVENTS):
        pass
    for name in ("store.db", "heads"):
        shutil.copy(other / name, folder / name)
    names = {result.name for result in found(folder)}
    assert names == {"ledger_signatures", "ledger_heads"}


def test_a_missing_heads_file_is_found_and_not_built_upon(folder: Path) -> None:
    (folder / "heads").unlink()
    (result,) = found(folder)
    assert result.name == "ledger_heads"
    with open_ledger(folder) as ledger, pytest.raises(SurroundingsError, match="heads is gone"):
        ledger.append("churn", "labels", {}, actor="test")
    assert not (folder / "heads").exists()


@pytest.mark.parametrize("line", [0, 3, _EVENTS])
@pytest.mark.parametrize("change", [b"}", b" ", b"\n"])
def test_an_altered_line_of_the_heads_is_found(folder: Path, line: int, change: bytes) -> None:
    lines = (folder / "heads").read_bytes().splitlines(keepends=True)
    lines[line] = change + lines[line]
    (folder / "heads").write_bytes(b"".join(lines))
    assert "ledger_heads" in {result.name for result in found(folder)}


def test_an_index_that_hides_an_event_is_found(folder: Path) -> None:
    with attack(folder) as connection:
        # The index is emptied by pointing it at the pages of an empty one.
        connection.execute("CREATE TABLE empty (a, b, c)")
        connection.execute("CREATE INDEX hollow ON empty (a, b, c)")
        connection.execute("PRAGMA writable_schema = ON")
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'hollow'")
        root = page.fetchone()[0]
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'hollow'")
        update = "UPDATE sqlite_schema SET rootpage = ? WHERE name = 'event_by_project'"
        connection.execute(update, (root,))
    assert "ledger_database" in {result.name for result in found(folder)}


def test_an_event_of_a_trusted_colleague_counts_and_of_a_stranger_does_not(tmp_path: Path) -> None:
    mine, theirs = Keys(tmp_path / "keys"), Keys(tmp_path / "colleague")
    with open_ledger(tmp_path, events=2):
        pass
    theirs.sign(b"")
    (mine.folder / "trusted").mkdir()
    (theirs.folder / "trusted").mkdir()
    shutil.copy(theirs.folder / "public.pub", mine.folder / "trusted" / "colleague.pub")
    shutil.copy(mine.folder / "public.pub", theirs.folder / "trusted" / "me.pub")
    place = (tmp_path / "store.db", tmp_path / "heads")
    with SqliteLedger(*place, theirs, FixedClock(NOON)) as ledger:
        ledger.append("churn", "labels", {}, actor="colleague")
    with open_ledger(tmp_path) as ledger:
        assert worst(ledger.verify()) == "pass"
    (mine.folder / "trusted" / "colleague.pub").unlink()
    assert first_bad(tmp_path) == 3


def test_a_crash_between_event_and_head_is_healed_by_the_next_append(folder: Path) -> None:
    lines = (folder / "heads").read_bytes().splitlines(keepends=True)
    (folder / "heads").write_bytes(b"".join(lines[:-1]) + lines[-1][:100])
    with open_ledger(folder) as ledger:
        assert worst(ledger.verify()) == "pass"
        ledger.append("churn", "labels", {}, actor="test")
        assert worst(ledger.verify()) == "pass"
    whole = (folder / "heads").read_bytes().splitlines()
    assert len(whole) == len(lines)


def test_several_events_without_a_head_are_warned_of(folder: Path) -> None:
    lines = (folder / "heads").read_bytes().splitlines(keepends=True)
    (folder / "heads").write_bytes(b"".join(lines[:-3]))
    with open_ledger(folder) as ledger:
        assert worst(ledger.verify()) == "warn"
        ledger.append("churn", "labels", {}, actor="test")
        assert worst(ledger.verify()) == "pass"


_edits: st.SearchStrategy[Callable[[str], str]] = st.one_of(
    st.integers(0, 400).map(lambda at: lambda text: text[:at] + text[at + 1 :]),
    st.tuples(st.integers(0, 400), st.characters(exclude_categories=["Cs"])).map(
        lambda pair: lambda text: text[: pair[0]] + pair[1] + text[pair[0] + 1 :]
    ),
    st.just(str.upper),
    st.just(str.lower),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seq=st.integers(1, _EVENTS), field=st.sampled_from(_FIELDS), edit=_edits)
def test_any_single_change_of_any_row_is_found(
    pristine: Path, seq: int, field: str, edit: Callable[[str], str]
) -> None:
    with attack(pristine) as connection:
        query = f"SELECT {field} FROM event WHERE seq = ?"
        before = connection.execute(query, (seq,)).fetchone()[0]
        after = edit(before)
        update = f"UPDATE event SET {field} = ? WHERE seq = ?"
        connection.execute(update, (after, seq))
        try:
            bad = found(pristine)
        finally:
            connection.execute(update, (before, seq))
    if after == before:
        assert bad == []
    else:
        assert min(result.evidence["seq"] for result in bad) == seq
