"""A candidate becomes a version in one step, signed, or not at all."""

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from evermodel.bundle import Part, load, read_manifest
from evermodel.errors import BundleError, BusyError, SurroundingsError
from evermodel.records import ModelVersion
from evermodel.register import next_number, register, versions
from evermodel.store import Keys
from tests.register.tiny import ROWS, candidate

CREATED = "2026-11-03T12:00:00.000000Z"


def _register(tmp_path: Path, source: Path, number: int = 1) -> ModelVersion:
    return register(
        source,
        destination=tmp_path / "bundles" / "churn",
        number=number,
        keys=Keys(tmp_path / "keys"),
        created=CREATED,
    )


def test_a_registered_version_is_named_signed_and_predicts_the_same(tmp_path: Path) -> None:
    source = candidate(tmp_path / "candidate")
    version = _register(tmp_path, source)
    place = tmp_path / "bundles" / "churn" / "1"
    model = load(place, trusted=Keys(tmp_path / "keys").trusted())
    assert version == ModelVersion(
        project="churn", number=1, digest=model.digest, run="run-1", created=CREATED
    )
    assert (model.manifest.project, model.manifest.version) == ("churn", 1)
    before = load(source, trusted=None)
    assert model.predict(model.encode(ROWS)).rows() == before.predict(before.encode(ROWS)).rows()
    assert read_manifest(source).signature == ""


def test_another_workspaces_keys_do_not_accept_it(tmp_path: Path) -> None:
    _register(tmp_path, candidate(tmp_path / "candidate"))
    stranger = Keys(tmp_path / "other")
    stranger.sign(b"")
    with pytest.raises(BundleError, match="not trusted"):
        load(tmp_path / "bundles" / "churn" / "1", trusted=stranger.trusted())


@pytest.mark.parametrize("name", ["model.onnx", "sample.json", "bundle.json"])
def test_a_version_altered_afterwards_is_refused(tmp_path: Path, name: str) -> None:
    _register(tmp_path, candidate(tmp_path / "candidate"))
    place = tmp_path / "bundles" / "churn" / "1"
    content = (place / name).read_bytes()
    (place / name).write_bytes(content.replace(b"monthly", b"mOnthly").replace(b"run-1", b"run-2"))
    with pytest.raises(BundleError, match=r"altered|does not fit"):
        load(place, trusted=Keys(tmp_path / "keys").trusted())


def test_versions_are_counted_and_hidden_folders_are_not(tmp_path: Path) -> None:
    home = tmp_path / "bundles" / "churn"
    assert (versions(home), next_number(home)) == ((), 1)
    source = candidate(tmp_path / "candidate")
    for number in (1, 2, 10):
        _register(tmp_path, source, number)
    (home / ".3.1.abcdef01.tmp").mkdir()
    (home / "notes").mkdir()
    assert (versions(home), next_number(home)) == ((1, 2, 10), 11)


def test_the_same_candidate_under_the_same_number_is_the_same_version(tmp_path: Path) -> None:
    source = candidate(tmp_path / "candidate")
    assert _register(tmp_path, source) == _register(tmp_path, source)


def test_a_number_is_given_once(tmp_path: Path) -> None:
    _register(tmp_path, candidate(tmp_path / "one"))
    place = tmp_path / "bundles" / "churn" / "1" / "bundle.json"
    before = place.read_bytes()
    with pytest.raises(BusyError, match="version 1 of churn exists") as caught:
        _register(tmp_path, candidate(tmp_path / "two", target="other"))
    assert "next free number is 2" in str(caught.value)
    assert place.read_bytes() == before


@pytest.mark.parametrize("gap", [1e-3, float("inf"), float("nan")])
def test_a_graph_that_differs_from_what_was_trained_is_refused(tmp_path: Path, gap: float) -> None:
    with pytest.raises(BundleError, match=r"parity|does not predict"):
        _register(tmp_path, candidate(tmp_path / "candidate", gap=gap))
    assert not (tmp_path / "bundles").exists()


def _pickled(path: str, content: bytes) -> dict[str, tuple[Part, bytes]]:
    media = "application/octet-stream"
    return {"report": (Part(role="report", path=path, sha256="", media_type=media), content)}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("model.bin", pickle.dumps([1])),
        ("model.bin", pickle.dumps([1], protocol=2)),
        ("model.pkl", b"anything"),
    ],
)
def test_a_pickle_is_refused(tmp_path: Path, path: str, content: bytes) -> None:
    source = candidate(tmp_path / "candidate", extra=_pickled(path, content))
    with pytest.raises(BundleError, match="pickle"):
        _register(tmp_path, source)


def test_a_file_that_the_manifest_does_not_name_is_left_behind(tmp_path: Path) -> None:
    source = candidate(tmp_path / "candidate")
    (source / "stowaway.pkl").write_bytes(pickle.dumps([1]))
    _register(tmp_path, source)
    names = {path.name for path in (tmp_path / "bundles" / "churn" / "1").iterdir()}
    assert names == {"bundle.json", "model.onnx", "sample.json", "parity.json"}


def test_an_altered_candidate_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = candidate(tmp_path / "candidate")
    (source / "model.onnx").write_bytes(b"something else")
    with pytest.raises(BundleError, match="altered"):
        _register(tmp_path, source)
    assert not (tmp_path / "bundles").exists()


def test_a_full_disk_leaves_nothing_half_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = candidate(tmp_path / "candidate")
    Keys(tmp_path / "keys").sign(b"")
    real, calls = os.fsync, 0

    def fails(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(SurroundingsError) as caught:
        _register(tmp_path, source)
    assert "space" in str(caught.value)
    assert list((tmp_path / "bundles" / "churn").iterdir()) == []


_KILLED = """
import os, sys
from pathlib import Path
from tests.register.test_registration import _register
import evermodel.register.registration as registration
real = registration.{step}
def dies(*given, **named):
    if {after}:
        real(*given, **named)
    os.kill(os.getpid(), 9)
registration.{step} = dies
_register(Path(sys.argv[1]), Path(sys.argv[1]) / "candidate")
"""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["write_bundle", "sign_bundle", "load", "sync_folder"])
def test_a_killed_registration_shows_nothing_or_all(tmp_path: Path, step: str, after: bool) -> None:
    candidate(tmp_path / "candidate")
    command = [sys.executable, "-c", _KILLED.format(step=step, after=after), str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    home = tmp_path / "bundles" / "churn"
    assert versions(home) == ((1,) if step == "sync_folder" else ())
    version = _register(tmp_path, tmp_path / "candidate")
    assert [path.name for path in home.iterdir()] == ["1"]
    model = load(home / "1", trusted=Keys(tmp_path / "keys").trusted())
    assert model.digest == version.digest


def test_the_work_of_a_living_process_is_not_cleared_away(tmp_path: Path) -> None:
    home = tmp_path / "bundles" / "churn"
    mine = home / f".2.{os.getpid()}.abcdef01.tmp"
    mine.mkdir(parents=True)
    _register(tmp_path, candidate(tmp_path / "candidate"))
    assert mine.is_dir()
