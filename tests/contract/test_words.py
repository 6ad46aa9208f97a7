"""What is committed holds for everybody: no path of one machine, no address of a package index."""

import re
import subprocess

import pytest

from tests.docs.pages import ROOT

# Written in pieces, so that this file passes its own test.
PATHS = re.compile(
    "|".join(["/ho" + r"me/\w", "/ro" + r"ot/\w", "/Us" + r"ers/\w", "/wo" + r"rk/"])
)
INDEXES = re.compile("|".join([r"py" + r"pi\.org", "python" + r"hosted\.org", "index" + "-url"]))


def _committed() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("this is not a git checkout")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize(
    ("words", "spared"),
    [(PATHS, set()), (INDEXES, {"locks/lock.sh"})],
    ids=["paths of a machine", "addresses of a package index"],
)
def test_no_committed_file_holds(words: re.Pattern[str], spared: set[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name in _committed()
        if name not in spared
        for number, line in enumerate(
            (ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if words.search(line)
    ]
    assert not found, "\n".join(found)


def test_a_locked_list_is_exact_and_free_of_hashes() -> None:
    line = re.compile(r"[a-z0-9][a-z0-9._-]*==[^ ;]+( ; .+)?")
    for name in ("loop", "dev"):
        for text in (ROOT / "locks" / f"{name}.txt").read_text().splitlines():
            assert line.fullmatch(text), f"locks/{name}.txt: {text}"


def test_the_tests_run_on_the_very_packages_that_users_get() -> None:
    loop, dev = (
        {line.split(" ;")[0] for line in (ROOT / "locks" / f"{name}.txt").read_text().splitlines()}
        for name in ("loop", "dev")
    )
    assert loop <= dev
