"""Ctrl-C and SIGTERM at any moment: one line, exit code 130, and nothing half-written."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from tests.cli.shell import PROGRAM, Done, evermodel, surroundings
from tests.loop.shop import customers


def _stopped(
    *words: str | Path, folder: Path, after: float, number: signal.Signals = signal.SIGINT
) -> Done:
    """Run a command, send a signal some seconds later, and return what it said."""
    process = subprocess.Popen(
        [PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=surroundings(),
    )
    time.sleep(after)
    while process.poll() is None and not _listens(process.pid):
        time.sleep(0.01)  # on a busy machine Python itself may not be up yet
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return Done(process.returncode, out, err)


def _listens(pid: int) -> bool:
    """Whether a process has a handler of its own for SIGTERM, which Python alone has not."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return True
    (caught,) = (line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def _leavings(folder: Path) -> list[str]:
    hidden = [path.name for path in folder.rglob("*") if path.suffix in (".part", ".tmp")]
    return hidden + [path.name for path in folder.rglob("scored-*") if path.is_dir()]


def _moments(seed: int, count: int, last: float) -> list[tuple[float, signal.Signals]]:
    # Before this Python itself is not up, and nothing of ours is asked.
    chance = random.Random(seed)
    kinds = (signal.SIGINT, signal.SIGTERM)
    return [(chance.uniform(0.3, last), chance.choice(kinds)) for _ in range(count)]


@pytest.mark.parametrize(
    ("words", "last"), [(("check",), 2.0), (("data", "profile"), 1.0)], ids=["check", "profile"]
)
def test_looking_at_a_file_is_stopped_in_one_line(
    tmp_path: Path, words: tuple[str, ...], last: float
) -> None:
    customers(40_000, seed=1).write_csv(tmp_path / "rows.csv")
    codes = []
    for after, number in _moments(1, 4, last):
        done = _stopped(*words, "rows.csv", folder=tmp_path, after=after, number=number)
        codes.append(done.code)
        if done.code == 130:
            assert done.err.splitlines() == ["stopped; nothing was written"]
    assert 130 in codes
    assert set(codes) <= {0, 1, 130}
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.slow
def test_scoring_is_stopped_and_goes_on_without_a_row_too_many_or_too_few(live: Path) -> None:
    rows = customers(70_000, seed=2, first=10_000).drop("churned")
    rows.write_csv(live / "new.csv")
    codes = []
    for after, number in _moments(2, 4, 3.0):
        done = _stopped("score", "new.csv", "out.csv", folder=live, after=after, number=number)
        codes.append(done.code)
        assert "Traceback" not in done.err
        assert _leavings(live) == []
        if done.code == 130:
            assert len(done.err.splitlines()) == 1, done.err
            # Before its words are read it does not know yet what it is to write.
            early = done.err == "stopped; nothing was written\n" and not (live / "out.csv").exists()
            assert early or "out.csv" in done.err
        if (live / "out.csv").exists():
            assert pl.read_csv(live / "out.csv").height == rows.height
            (live / "out.csv").unlink()
    assert 130 in codes
    assert evermodel("score", "new.csv", "out.csv", folder=live).code == 0
    assert pl.read_csv(live / "out.csv")["customer"].to_list() == rows["customer"].to_list()
    log = pl.read_delta(str(live / ".evermodel" / "tables" / "shop" / "predictions"))
    assert (log.height, log["id"].n_unique()) == (rows.height, rows.height)


@pytest.mark.slow
def test_training_is_stopped_and_can_be_begun_again(live: Path) -> None:
    customers(10_000, seed=1).write_csv(live / "customers.csv")
    for after, number in _moments(3, 2, 4.0):
        done = _stopped("train", folder=live, after=after, number=number)
        assert "Traceback" not in done.err
        assert _leavings(live) == []
        if done.code == 130:
            assert len(done.err.splitlines()) == 1, done.err
            assert "evermodel train" in done.err
    assert evermodel("train", folder=live).code == 0, "a lease was left"
    assert evermodel("ledger", "verify", folder=live).code == 0


_UNWINDING = """
import os, signal, sys, time
from evermodel.cli.interrupts import Interrupts
{ignored}
interrupts = Interrupts()
interrupts.listen()
interrupts.before_polars()
try:
    try:
        raise {error}
    finally:
        os.kill(os.getpid(), signal.{signal})
        for step in range(3):
            time.sleep(0.05)
            print("taking back", flush=True)
except {error}:
    time.sleep(5)
    print("went on")
except KeyboardInterrupt:
    print("stopped", interrupts.heard)
"""


# A job in the background of a shell ignores SIGINT.
_SIGINT = "signal.signal(signal.SIGINT, signal.{})"
_HEARD, _IGNORED = _SIGINT.format("default_int_handler"), _SIGINT.format("SIG_IGN")


@pytest.mark.parametrize(
    ("number", "ignored"), [("SIGINT", _HEARD), ("SIGTERM", _HEARD), ("SIGTERM", _IGNORED)]
)
def test_what_is_being_taken_back_is_taken_back_whole(number: str, ignored: str) -> None:
    """A signal that comes while an error unwinds waits for the end of that, and then counts."""
    script = _UNWINDING.format(error="ValueError", signal=number, ignored=ignored)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.count("taking back") == 3, done.stdout
    assert done.returncode != 0
    assert "went on" not in done.stdout


def test_an_interrupt_that_a_library_raises_is_not_raised_twice() -> None:
    script = _UNWINDING.format(error="KeyboardInterrupt", signal="SIGINT", ignored=_HEARD)
    script = script.replace(
        "except KeyboardInterrupt:\n    time.sleep(5)", "except OSError:\n    1"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["taking back"] * 3 + ["stopped True"]


def test_polars_does_not_hook_the_interrupt() -> None:
    """It would raise one of its own beside ours, from within its threads."""
    script = """
import ctypes, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from evermodel.cli.interrupts import Interrupts
process = ctypes.CDLL(None)
def handler():
    kept = (ctypes.c_void_p * 40)()
    assert process.sigaction(2, None, ctypes.byref(kept)) == 0
    return kept[0]
interrupts = Interrupts()
interrupts.listen()
ours = handler()
import polars
hooked = handler()
interrupts.before_polars()
print(ours == handler(), ours == hooked)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "True False\n", done.stdout + done.stderr


def test_what_others_ignore_stays_ignored(tmp_path: Path) -> None:
    """Of `nohup evermodel check &` no Ctrl-C on the terminal is meant for it."""
    customers(20_000, seed=1).write_csv(tmp_path / "rows.csv")
    shell = shutil.which("sh")
    assert shell is not None
    line = f"trap '' INT; exec {PROGRAM} check rows.csv"
    process = subprocess.Popen(
        [shell, "-c", line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    )
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
