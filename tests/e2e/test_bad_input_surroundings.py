"""A registry that does not answer and a disk that is full: said, bounded, nothing half-done."""

import resource
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from evermodel.loop.releasing import register
from evermodel.loop.scoring import score
from evermodel.loop.state import read_state
from evermodel.loop.telling import verify_ledger
from evermodel.loop.training import train
from evermodel.loop.workspace import open_workspace
from tests.cli.shell import PROGRAM, Done, evermodel, surroundings
from tests.disk import fill, mounted


@contextmanager
def _silent_server() -> Iterator[str]:
    """Accept connections and never say a word."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()


@contextmanager
def _closed_port() -> Iterator[str]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["closed", "silent"])
def test_a_registry_that_does_not_answer_costs_a_warning_and_little_time(
    live: Path, kind: str
) -> None:
    with _closed_port() if kind == "closed" else _silent_server() as url:
        begun = time.perf_counter()
        for words in (["train"], ["register"], ["run"]):
            done = evermodel(*words, "--json", folder=live, MLFLOW_TRACKING_URI=url)
            assert done.code == 0, done.err
            warned = [r for r in done.document["results"] if r["name"] == "mlflow"]
            assert [r["verdict"] for r in warned] == ["warn"], words
            assert "does not answer" in warned[0]["why"]
        assert time.perf_counter() - begun < 120
    with open_workspace(live) as workspace:
        state = read_state(workspace)
        assert (state.live, set(state.versions), len(state.candidates)) == (1, {1, 2}, 2)
    done = evermodel("status", "--json", folder=live)
    assert [r["verdict"] for r in done.document["results"] if r["name"] == "mlflow"] == ["pass"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "24m") as folder:
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["train", "register", "promote"])
def test_a_full_disk_leaves_what_was_and_the_same_command_works_when_there_is_room(
    released: Path, small_disk: Path, verb: str
) -> None:
    live = shutil.copytree(released, small_disk / "shop")
    with open_workspace(live) as workspace:
        if verb != "train":
            train(workspace)
        if verb == "promote":
            register("", workspace)
    words = [verb, "2", "--force"] if verb == "promote" else [verb]
    for leave in (0, 24_000):
        ballast = fill(small_disk, leave=leave)
        done = evermodel(*words, folder=live)
        if done.code:
            done.refuses("try:")
        ballast.unlink()
        _whole(live)
    done = evermodel(*words, folder=live)
    assert done.code == 0, done.err
    _whole(live)
    with open_workspace(live) as workspace:
        state = read_state(workspace)
        assert set(state.versions) == ({1} if verb == "train" else {1, 2})
        assert state.live == (2 if verb == "promote" else 1)


def _whole(folder: Path) -> None:
    """Check that ledger, bundles and what is live belong together."""
    with open_workspace(folder) as workspace:
        assert verify_ledger(workspace).verdict == "pass"
        state = read_state(workspace)
        named = {int(path.name) for path in workspace.bundles.iterdir() if path.name.isdigit()}
        assert set(state.versions) <= named
        assert state.live in state.versions
        assert score(folder / "customers.csv", folder / "out.csv", workspace).facts["rows"]
    (folder / "out.csv").unlink()


def _limited(*words: str, folder: Path, largest: int) -> Done:
    """Run a command that may write no file larger than so many bytes."""
    done = subprocess.run(
        [PROGRAM, *words],
        capture_output=True, text=True, cwd=folder, env=surroundings(), timeout=240, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("largest", [2_000, 60_000])
def test_a_file_that_may_not_grow_is_a_refusal_and_no_crash(live: Path, largest: int) -> None:
    done = _limited("train", folder=live, largest=largest)
    if done.code:
        done.refuses("try:")
    with open_workspace(live) as workspace:
        assert verify_ledger(workspace).verdict == "pass"
        assert train(workspace).verdict == "pass"
    done = _limited("score", "customers.csv", "out.csv", folder=live, largest=largest)
    if done.code:
        done.refuses("try:")
        assert not (live / "out.csv").exists()
    assert not [path for path in live.iterdir() if path.name.startswith(".out.csv")]


def test_a_workspace_that_cannot_be_written_is_said(tmp_path: Path, live: Path) -> None:
    shutil.rmtree(live / ".evermodel")
    (live / ".evermodel").write_text("a file where a folder should be")
    evermodel("status", folder=live).refuses("workspace", ".evermodel")
    customers = live / "customers.csv"
    (tmp_path / "file").write_text("")
    done = evermodel(
        "-C", str(tmp_path / "file" / "x"), "init", customers, "--target", "churned", folder=live
    )
    done.refuses("try:" if "try:" in done.err else "folder")
