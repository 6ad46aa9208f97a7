"""The command line itself: its words, its exit codes, and what it prints where."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evermodel.cli.commands import VERBS, build_parser
from evermodel.cli.main import main
from tests.cli.shell import PROGRAM, Done, evermodel, running, surroundings
from tests.jobs import jobs_of
from tests.loop.shop import customers, setting


def _called(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Done:
    """Run one command in this process."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return Done(code, said.out, said.err)


def test_without_words_it_says_what_can_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    done = _called(capsys)
    assert done.code == 2
    for verb in VERBS:
        assert f"\n    {verb}" in done.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"evermodel {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "meant"), [("trian", "train"), ("promot", "promote")])
def test_an_unknown_command_is_answered_with_the_nearest(
    given: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _called(capsys, given).refuses(f"no command '{given}'", f"did you mean {meant}?")


def test_a_command_unlike_any_other_points_to_the_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _called(capsys, "xyzzy").refuses("no command 'xyzzy'", "evermodel --help")


@pytest.mark.parametrize(
    "words",
    [["train", "--trials", "3"], ["promote", "first"], ["init", "a.csv"], ["ledger", "burn"]],
)
def test_a_wrong_flag_is_said_as_text_and_as_one_document(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _called(capsys, *words).refuses("try:")
    done = _called(capsys, *words, "--json")
    assert done.code == 2
    assert done.document["error"]["hint"]
    assert done.document["schema"] == f"evermodel.{words[0]}/1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--seed", "-1"], "'-1' is not a whole number from 0 to 4294967295"),
        (["--seed", "4294967296", "status"], "'4294967296' is not a whole number from 0"),
        (["run", "--seed", "one"], "'one' is not a whole number"),
        (["serve", "--port", "70000"], "'70000' is not a whole number from 0 to 65535"),
        (["run", "--serve", "--port", "-1"], "'-1' is not a whole number from 0 to 65535"),
        (["evaluate", "0"], "'0' is not a whole number from 1 on"),
        (["promote", "0"], "'0' is not a whole number from 1 on"),
        (["rollback", "--to", "-2"], "'-2' is not a whole number from 1 on"),
        (["score", "a.csv", "b.csv", "--version", "0"], "'0' is not a whole number from 1 on"),
        (["reproduce", "1.5"], "'1.5' is not a whole number from 1 on"),
    ],
)
def test_a_number_out_of_its_range_is_refused_in_words(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _called(capsys, *words).refuses(said, "--help")


def test_an_address_for_a_turn_that_does_not_serve_is_refused(
    live: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _called(capsys, "run", "-C", live, "--port", "0").refuses("add --serve")
    _called(capsys, "run", "-C", live, "--host", "0.0.0.0").refuses("add --serve")


def test_the_folder_may_stand_before_and_after_the_command(
    live: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _called(capsys, "-C", live, "history", "--json")
    after = _called(capsys, "history", "--json", "-C", live)
    assert before == after
    assert before.document["facts"]["events"]


def test_a_number_after_the_verb_is_a_version_and_not_the_programs(
    live: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in ("evaluate", "promote", "reproduce"):
        done = _called(capsys, "-C", live, verb, "1", "--json")
        assert done.code == 0, done.err
        assert done.document["schema"] == f"evermodel.{verb}/1"
    assert _called(capsys, "--version").out.startswith("evermodel 0.")


def test_a_folder_without_a_project_is_an_error_that_says_how_to_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = _called(capsys, "-C", tmp_path / "nowhere", "train", "--json")
    assert done.code == 2
    assert done.document["error"]["what"] == "there is no project file here"
    assert "evermodel init" in done.document["error"]["hint"]
    assert "evermodel init" in done.err
    assert not (tmp_path / "nowhere").exists()


def test_memory_that_runs_out_is_no_error_inside(
    live: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 24.4 MiB")

    monkeypatch.setattr("evermodel.loop.telling.history", exhausted)
    done = _called(capsys, "-C", live, "history", "--json")
    done.refuses("not enough memory", "24.4 MiB", code=2)


def test_an_error_inside_is_exit_code_3_and_its_traceback_is_asked_for(
    live: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nobody")

    monkeypatch.setattr("evermodel.loop.telling.history", broken)
    quiet = _called(capsys, "-C", live, "history", "--json")
    quiet.refuses("an error inside Evermodel", "ZeroDivisionError", code=3)
    assert quiet.document["error"]["hint"]
    loud = _called(capsys, "-C", live, "history", "--debug")
    assert loud.code == 3
    assert "Traceback" in loud.err


def test_a_gate_that_says_no_is_exit_code_1(live: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setting(live, "evaluate", 'require = ["roc_auc >= 0.99"]')
    done = _called(capsys, "-C", live, "evaluate", "--json")
    assert (done.code, done.document["verdict"]) == (1, "fail")


def test_whoever_stops_reading_causes_no_error(live: Path) -> None:
    script = f"'{PROGRAM}' history --all; echo $? >code"
    command = ["bash", "-c", f"({script}) | true"]
    done = subprocess.run(
        command, cwd=live, env=surroundings(), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert (live / "code").read_text().strip() == "0"


def test_a_terminal_without_the_characters_shows_others(live: Path) -> None:
    done = evermodel("status", folder=live, PYTHONIOENCODING="ascii")
    assert (done.code, done.err) == (0, "")


def test_json_says_nothing_else_and_no_progress_leaves_a_terminal(live: Path) -> None:
    done = evermodel("evaluate", "--json", folder=live)
    assert done.err == ""
    assert done.document["facts"]
    plain = evermodel("evaluate", folder=live)
    assert (plain.err, "\x1b" in plain.out) == ("", False)


def _on_a_terminal(*words: str, folder: Path) -> str:
    """Return what a command prints on a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *words], stdin=follower, stdout=follower, stderr=follower, cwd=folder,
        env=surroundings(TERM="xterm"),
    )  # fmt: skip
    os.close(follower)
    shown = b""
    while True:
        try:
            more = os.read(leader, 65536)
        except OSError:  # the command has ended
            break
        if not more:
            break
        shown += more
    os.close(leader)
    assert process.wait(30) == 0
    return shown.decode()


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_goes_away(live: Path) -> None:
    shown = _on_a_terminal("evaluate", folder=live)
    assert "reading rows" in shown
    assert "█" in shown
    after = shown.rsplit("\r\x1b[K", 1)[1]
    assert "roc_auc" in after
    assert "█" not in after
    assert "█" not in _on_a_terminal("evaluate", "--json", folder=live)


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_done(live: Path) -> None:
    customers(20_000, seed=1).write_csv(live / "customers.csv")
    path = live / "evermodel.toml"
    text = path.read_text().replace("trials = 1", "trials = 500")
    # Linear models are done before a signal can come.
    path.write_text(text.replace('models = ["linear"]', 'models = ["lightgbm"]'))
    with running("train", folder=live) as training:
        job = _until_step(live, "train")
        code = training.end(signal.SIGINT)
    assert code == 130, "".join(training.lines)
    said = "".join(training.lines)
    assert "nothing half-done" in said
    assert "Traceback" not in said
    assert job
    done = evermodel("history", "--all", "--json", folder=live)
    kinds = [event["kind"] for event in done.document["facts"]["events"]]
    assert kinds.count("trained") == 1
    assert evermodel("ledger", "verify", folder=live).code == 0
    path.write_text(path.read_text().replace("trials = 500", "trials = 1"))
    assert evermodel("train", folder=live).code == 0, "a lease was left"


def _until_step(folder: Path, verb: str, *, seconds: float = 90) -> str:
    """Wait until a job of the verb is under way, and return its step."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for job in jobs_of(folder / ".evermodel"):
            if job.verb == verb and job.state == "running" and job.progress > 0.03:
                return job.step
        time.sleep(0.02)
    raise AssertionError(f"{verb} never began")


def test_every_flag_of_every_command_is_explained() -> None:
    parser = build_parser()
    commands = next(a.choices for a in parser._actions if isinstance(a.choices, dict))
    for verb, command in commands.items():
        for action in command._actions:
            assert action.help, f"{verb} {action.option_strings or action.dest}"


def test_a_missing_extra_says_which_one_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['polars'] = None\n"
        "from evermodel.cli.main import main\n"
        "raise SystemExit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", code, "init", "a.csv", "--target", "b", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    said = Done(done.returncode, done.stdout, done.stderr)
    said.refuses("pip install 'evermodel[loop]'", "polars")
    assert json.loads(said.out)["error"]["hint"]


def test_documents_are_said_to_lie_where_they_were_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    customers(200, seed=3).write_csv(tmp_path / "shop.csv")
    there: tuple[str, Path] = ("-C", tmp_path)
    assert _called(capsys, "init", tmp_path / "shop.csv", "--target", "churned", *there).code == 0
    out = tmp_path / "papers"
    done = _called(capsys, "data", "document", "--out", out, *there)
    for name in ("datasheet.md", "datasheet.html", "croissant.json"):
        assert f"Written: {out / name}" in done.out.splitlines()
        assert (out / name).is_file()
