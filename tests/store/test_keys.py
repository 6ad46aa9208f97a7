"""Keys: made once, readable by their owner only, trusted when they are put there."""

import multiprocessing
import stat
from pathlib import Path

import pytest

from evermodel.errors import SurroundingsError
from evermodel.store import Keys, key_id, verify


def test_what_was_signed_is_verified_and_nothing_else(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    signature = keys.sign(b"data")
    assert verify(keys.public, signature, b"data")
    assert not verify(keys.public, signature, b"date")
    assert not verify(keys.public, bytes(64), b"data")
    assert not verify(b"too short", signature, b"data")
    assert keys.key_id == key_id(keys.public)
    assert len(keys.key_id) == 16


def test_the_same_folder_gives_the_same_key(tmp_path: Path) -> None:
    assert Keys(tmp_path / "keys").key_id == Keys(tmp_path / "keys").key_id


def test_only_the_owner_may_read_the_private_key(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    keys.sign(b"")
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    private = keys.folder / "private.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    private.chmod(0o644)
    with pytest.raises(SurroundingsError, match="read by others") as caught:
        Keys(tmp_path / "keys").sign(b"")
    assert "chmod 600" in caught.value.hint


def test_asking_for_trust_makes_no_key(tmp_path: Path) -> None:
    assert Keys(tmp_path / "keys").trusted() == {}
    assert list(tmp_path.iterdir()) == []


def test_a_server_trusts_with_the_public_key_alone(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    expected = {keys.key_id: keys.public}
    (keys.folder / "private.pem").unlink()
    assert Keys(tmp_path / "keys").trusted() == expected


def test_a_colleagues_key_is_trusted_once_it_is_put_there(tmp_path: Path) -> None:
    mine, theirs = Keys(tmp_path / "mine"), Keys(tmp_path / "theirs")
    assert set(mine.trusted()) <= {mine.key_id}
    (mine.folder / "trusted").mkdir()
    theirs.sign(b"")
    (theirs.folder / "public.pub").rename(mine.folder / "trusted" / "colleague.pub")
    assert set(mine.trusted()) == {mine.key_id, theirs.key_id}


def test_a_public_key_lost_in_a_crash_is_laid_out_again(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    keys.sign(b"")
    before = (keys.folder / "public.pub").read_bytes()
    (keys.folder / "public.pub").unlink()
    assert set(Keys(tmp_path / "keys").trusted()) == {keys.key_id}
    assert (keys.folder / "public.pub").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nnonsense\n", b"\x00\xff"])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    keys = Keys(tmp_path / "keys")
    keys.sign(b"")
    (keys.folder / "trusted").mkdir()
    (keys.folder / "trusted" / "odd.pub").write_bytes(content)
    with pytest.raises(SurroundingsError, match="not an Ed25519") as caught:
        keys.trusted()
    assert caught.value.where.endswith("odd.pub")
    (keys.folder / "private.pem").write_bytes(content)
    with pytest.raises(SurroundingsError, match="private key cannot be read"):
        Keys(tmp_path / "keys").sign(b"")


def _sign(folder: Path, results: "multiprocessing.Queue[str]") -> None:
    results.put(Keys(folder).key_id)


def test_two_processes_that_make_the_key_at_once_end_with_one(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[str] = spawn.Queue()
    args = (tmp_path / "keys", results)
    processes = [spawn.Process(target=_sign, args=args) for _ in range(3)]
    for process in processes:
        process.start()
    found = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert found == {Keys(tmp_path / "keys").key_id}
    names = {path.name for path in (tmp_path / "keys").iterdir()}
    assert names == {"private.pem", "public.pub"}
