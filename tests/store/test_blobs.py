"""Blobs: content by digest, whole or not at all."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.errors import InputError, NotFoundError
from evermodel.protocols import Blobs
from evermodel.store import FolderBlobs, digest_of

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs")


def _tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_blobs_are_blobs(blobs: FolderBlobs) -> None:
    assert isinstance(blobs, Blobs)


def test_bytes_and_a_file_of_the_same_content_are_the_same(
    blobs: FolderBlobs, tmp_path: Path
) -> None:
    (tmp_path / "hello.txt").write_bytes(b"hello")
    assert blobs.put(b"hello") == blobs.put(tmp_path / "hello.txt") == HELLO
    assert blobs.path(HELLO).read_bytes() == b"hello"
    assert digest_of(blobs.path(HELLO)) == HELLO


def test_a_folder_is_kept_with_all_that_is_in_it(blobs: FolderBlobs, tmp_path: Path) -> None:
    files = {"a.txt": b"a", "deep/er/b.bin": b"\0" * 3_000_000, "ü.txt": b""}
    digest = blobs.put(_tree(tmp_path / "source", files))
    kept = blobs.path(digest)
    assert {name: (kept / name).read_bytes() for name in files} == files
    assert digest == digest_of(tmp_path / "source") == digest_of(kept)


_names = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3).map("/".join)
_trees = st.dictionaries(_names.map(lambda name: f"{name}.f"), st.binary(max_size=4), max_size=5)


@given(files=_trees, other=_trees)
def test_folders_have_one_digest_just_when_they_hold_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    files: dict[str, bytes],
    other: dict[str, bytes],
) -> None:
    folder = tmp_path_factory.mktemp("trees")
    for name in ("one", "two"):
        (folder / name).mkdir()
    one = _tree(folder / "one", files)
    backwards = dict(reversed(list(other.items())))
    two = _tree(folder / "two", backwards)
    assert (digest_of(one) == digest_of(two)) == (files == other)


def test_links_and_pipes_are_refused_and_leave_nothing(blobs: FolderBlobs, tmp_path: Path) -> None:
    source = _tree(tmp_path / "source", {"a.txt": b"a"})
    (tmp_path / "link.txt").symlink_to(source / "a.txt")
    (tmp_path / "linked").symlink_to(source)
    for path in (tmp_path / "link.txt", tmp_path / "linked"):
        with pytest.raises(InputError, match="no links"):
            blobs.put(path)
    os.mkfifo(source / "pipe")
    with pytest.raises(InputError, match="no links"):
        blobs.put(source)
    (source / "pipe").unlink()
    (source / "inner").symlink_to("a.txt")
    with pytest.raises(InputError, match="no links"):
        blobs.put(source)
    assert list(blobs.folder.iterdir()) == []


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_what_is_not_there_is_said_to_be_so(blobs: FolderBlobs, digest: str) -> None:
    with pytest.raises(NotFoundError):
        blobs.path(digest)


def test_a_path_that_does_not_exist_is_named(blobs: FolderBlobs, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        blobs.put(tmp_path / "nowhere")
    assert caught.value.where.endswith("nowhere")


def test_damaged_content_is_found_and_mended_by_putting_it_again(blobs: FolderBlobs) -> None:
    digest = blobs.put(b"hello")
    blobs.path(digest).chmod(0o644)
    blobs.path(digest).write_bytes(b"hallo")
    assert digest_of(blobs.path(digest)) != digest
    assert blobs.put(b"hello") == digest
    assert digest_of(blobs.path(digest)) == digest
