"""From a file to a live version and back, by the functions that the command line calls."""

import json
import os
import pwd
import re
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl
import pytest

from evermodel.errors import DataError, InputError, NotFoundError
from evermodel.loop import reproducing
from evermodel.loop.beginning import check, init
from evermodel.loop.doctor import doctor
from evermodel.loop.outcomes import labels
from evermodel.loop.releasing import evaluate, promote, register, rollback
from evermodel.loop.reproducing import reproduce
from evermodel.loop.retraining import retrain
from evermodel.loop.scoring import score
from evermodel.loop.serving import application
from evermodel.loop.telling import history, report, status, verify_ledger
from evermodel.loop.training import train
from evermodel.loop.watching import monitor
from evermodel.loop.workspace import open_workspace
from evermodel.store import FixedClock
from tests.jobs import jobs_of
from tests.loop.shop import BEGIN, PROJECT, Shop, customers, write_project

pytestmark = pytest.mark.mlflow

Make = Callable[..., Shop]


def test_init_writes_a_project_file_that_trains_at_once(tmp_path: Path) -> None:
    customers(400).write_csv(tmp_path / "customers.csv")
    found = init(tmp_path / "customers.csv", target="churned", folder=tmp_path)
    assert found.facts["task"] == "binary"
    path = tmp_path / "evermodel.toml"
    path.write_text(path.read_text().replace("# models = [", 'models = ["linear"]\n# ['))
    path.write_text(path.read_text().replace("# trials = 12", "trials = 1"))
    with open_workspace(tmp_path) as workspace:
        workspace.ports.tracker = _Silent()
        trained = train(workspace)
    assert trained.verdict == "pass"
    assert trained.find("roc_auc").low > 0.7  # type: ignore[operator]


class _Silent:
    """A tracker for a test that is not about tracking: it keeps nothing."""

    def log(self, run: object, results: object, artifacts: object) -> str:
        return ""


_NEED_A_VERSION: dict[str, Callable[[Path], object]] = {
    "evaluate": lambda folder: evaluate(folder=folder),
    "register": lambda folder: register("", folder),
    "promote": lambda folder: promote(None, folder),
    "rollback": lambda folder: rollback(folder),
    "score": lambda folder: score(folder / "customers.csv", folder / "out.csv", folder),
    "labels": lambda folder: labels(folder / "customers.csv", folder),
    "monitor": lambda folder: monitor(folder),
    "retrain": lambda folder: retrain(folder),
    "reproduce": lambda folder: reproduce(1, folder),
    "report": lambda folder: report(folder),
    "ledger": lambda folder: verify_ledger(folder),
}


@pytest.mark.parametrize("verb", _NEED_A_VERSION)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_what_needs_a_version_leaves_nothing_behind_where_there_is_none(
    tmp_path: Path, verb: str, task: str
) -> None:
    text = PROJECT
    if task == "regression":
        text = text.replace('"churned"', '"amount"').replace('"binary"', '"regression"')
        text = text.replace('positive = "yes"\n', "")
    write_project(tmp_path, text=text)
    with pytest.raises(NotFoundError, match=r"yet|no such|no version"):
        _NEED_A_VERSION[verb](tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["customers.csv", "evermodel.toml"]


def test_a_look_at_another_version_is_not_shown_for_the_live_one(shop: Make) -> None:
    one = shop()
    rows = customers(300, seed=11, first=10_000)
    rows.drop("churned").write_csv(one.folder / "new.csv")
    score(one.folder / "new.csv", one.folder / "out.csv", one.workspace)
    monitor(one.workspace)

    def page() -> str:
        return Path(report(one.workspace).facts["page"]).read_text()

    assert "New rows looked at</dt><dd>300" in re.sub(r"<(dt|dd)[^>]*>", r"<\1>", page())
    train(one.workspace, seed=3)
    register("", one.workspace)
    promote(2, one.workspace, force=True)
    assert "Nobody has looked at new rows yet." in page()


def test_init_never_replaces_a_project_file_unasked(tmp_path: Path) -> None:
    write_project(tmp_path)
    with pytest.raises(InputError, match="already"):
        init(tmp_path / "customers.csv", target="churned", folder=tmp_path)
    assert (tmp_path / "evermodel.toml").read_text() == PROJECT
    init(tmp_path / "customers.csv", target="churned", folder=tmp_path, force=True)
    assert (tmp_path / "evermodel.toml").read_text() != PROJECT


def test_the_ledger_tells_the_whole_way_to_the_first_live_version(shop: Make) -> None:
    workspace = shop().workspace
    kinds = [event.kind for event in workspace.events() if event.kind != "mirrored"]
    assert kinds == ["data_kept", "trained", "tracked", "registered", "promoted"]
    assert verify_ledger(workspace).verdict == "pass"
    assert [r.name for r in history(workspace).results] == ["registered", "promoted"]
    assert len(history(workspace, everything=True).results) == len(workspace.events())


def test_every_event_and_report_has_the_time_of_the_given_clock(shop: Make) -> None:
    one = shop()
    one.ask(customers(40, seed=1))
    monitor(one.workspace)
    year = {event.time[:4] for event in one.workspace.events()}
    assert year == {"2026"}
    assert {event.time[:10] for event in one.workspace.events("monitored")} == {"2026-01-02"}
    assert {job.updated[:4] for job in jobs_of(one.workspace.root)} == {"2026"}


def test_evaluating_the_live_version_finds_what_training_found(shop: Make) -> None:
    workspace = shop().workspace
    trained = workspace.report(workspace.events("trained")[0].body["report"])
    again = evaluate(1, workspace)
    for name in ("roc_auc", "brier", "log_loss", "accuracy", "ece"):
        assert again.find(name).value == pytest.approx(trained.find(name).value, abs=1e-9)
    assert again.find("roc_auc").n == trained.facts["test_rows"]


def test_evaluating_other_rows_names_the_file_and_leaves_the_gate_of_the_test(shop: Make) -> None:
    one = shop()
    customers(300, seed=9).write_csv(one.folder / "newer.csv")
    found = evaluate(None, one.workspace, data=one.folder / "newer.csv")
    assert found.find("brier").subject == "newer.csv"
    assert found.find("brier").n == 300
    customers(300, seed=9).drop("churned").write_csv(one.folder / "blind.csv")
    with pytest.raises(InputError, match="churned"):
        evaluate(None, one.workspace, data=one.folder / "blind.csv")


def test_a_version_can_be_fitted_again_to_the_same_predictions(shop: Make) -> None:
    found = reproduce(1, shop().workspace)
    assert found.find("reproduced").verdict == "pass"
    assert found.find("reproduced").value == pytest.approx(0, abs=1e-9)


def test_reproducing_says_that_the_recorded_data_are_gone(shop: Make) -> None:
    import shutil

    one = shop()
    shutil.rmtree(one.workspace.table("data"))
    with pytest.raises(NotFoundError) as caught:
        reproduce(1, one.workspace)
    assert caught.value.hint


def test_score_adds_predictions_and_keeps_every_column_and_row(shop: Make) -> None:
    one = shop()
    source, target = one.folder / "new.csv", one.folder / "scored.parquet"
    customers(500, seed=3).write_csv(source)
    found = score(source, target, one.workspace)
    assert found.facts["rows"] == 500
    scored = pl.read_parquet(target)
    assert scored.columns == ["customer", "amount", "visits", "plan", "churned",
                              "prediction", "probability"]  # fmt: skip
    assert scored["customer"].to_list() == pl.read_csv(source)["customer"].to_list()
    assert set(scored["prediction"]) == {"yes", "no"}


def test_score_never_writes_over_its_input_and_leaves_no_part_behind(shop: Make) -> None:
    one = shop()
    source = one.folder / "new.csv"
    customers(50, seed=3).write_csv(source)
    before = source.read_bytes()
    with pytest.raises(InputError, match="replace the input"):
        score(source, one.folder / "." / "new.csv", one.workspace)
    assert source.read_bytes() == before
    customers(50).drop("amount").write_csv(source)
    with pytest.raises(DataError, match="amount"):
        score(source, one.folder / "out.csv", one.workspace)
    assert not list(one.folder.glob("*out.csv*"))


def test_a_score_column_that_is_there_already_is_kept(shop: Make) -> None:
    one = shop()
    rows = customers(20, seed=3).with_columns(prediction=pl.lit("mine"))
    rows.write_csv(one.folder / "new.csv")
    score(one.folder / "new.csv", one.folder / "out.csv", one.workspace)
    scored = pl.read_csv(one.folder / "out.csv")
    assert set(scored["prediction"]) == {"mine"}
    assert set(scored["evermodel_prediction"]) <= {"yes", "no"}


def test_the_report_is_one_page_also_when_the_data_are_gone(shop: Make) -> None:
    one = shop()
    (one.folder / "customers.csv").unlink()
    page = Path(report(one.workspace).facts["page"]).read_text()
    assert "shop" in page
    assert "<script src" not in page


def test_nothing_is_live_before_something_was_promoted(tmp_path: Path) -> None:
    folder = write_project(tmp_path)
    with open_workspace(folder, clock=FixedClock(BEGIN)) as workspace:
        assert status(workspace).verdict == "unknown"
        calls: list[Callable[..., object]] = [monitor, application, rollback, reproduce]
        for call in calls:
            with pytest.raises(NotFoundError) as caught:
                call(folder=workspace)
            assert caught.value.hint
        with pytest.raises(NotFoundError, match="nothing was trained"):
            evaluate(None, workspace)
        with pytest.raises(NotFoundError, match="no such candidate"):
            register("", workspace)


def test_doctor_finds_what_stops_the_project(shop: Make) -> None:
    one = shop()
    assert doctor(one.folder).verdict == "pass"
    (one.folder / "customers.csv").unlink()
    key = next(path for path in (one.workspace.root / "keys").iterdir() if path.suffix != ".pub")
    key.chmod(0o644)
    failed = {r.name for r in doctor(one.folder).results if r.verdict == "fail"}
    assert {"data", "keys"} <= failed


def test_doctor_warns_of_a_workspace_that_others_can_read(shop: Make) -> None:
    one = shop()
    assert doctor(one.folder).find("workspace").verdict == "pass"
    one.workspace.root.chmod(0o755)
    found = doctor(one.folder).find("workspace")
    assert (found.verdict, "chmod 700" in found.why) == ("warn", True)
    assert one.workspace.root.stat().st_mode & 0o777 == 0o755


def test_doctor_looks_at_the_port_as_the_server_does(shop: Make) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    one = shop(("serve", 'host = "::1"'))
    found = doctor(one.folder).find("port")
    assert (found.verdict, found.subject) == ("pass", "http://[::1]:0")
    path = one.folder / "evermodel.toml"
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        number = taken.getsockname()[1]
        path.write_text(path.read_text().replace("port = 0", f"port = {number}"))
        found = doctor(one.folder).find("port")
    assert found.verdict == "warn"
    assert f"port {number} is in use" in found.why


def test_a_workspace_is_made_for_its_owner_alone_and_never_changed_later(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        open_workspace(write_project(tmp_path / "new")).close()
        (write_project(tmp_path / "shared") / ".evermodel").mkdir(mode=0o775)
        open_workspace(tmp_path / "shared").close()
    finally:
        os.umask(before)
    modes = [(tmp_path / name / ".evermodel").stat().st_mode & 0o777 for name in ("new", "shared")]
    assert modes == [0o700, 0o775]


def test_who_only_looks_makes_no_workspace(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "new")
    assert status(folder).find("live").verdict == "unknown"
    assert history(folder, everything=True).results == ()
    with pytest.raises(NotFoundError, match="nothing is live yet"):
        application(folder)
    with pytest.raises(NotFoundError, match="--output"):
        report(folder)
    assert report(folder, output=tmp_path / "page.html").facts["page"]
    assert doctor(folder).find("workspace").verdict == "pass"
    assert not (folder / ".evermodel").exists()


def test_doctor_says_which_columns_of_the_project_file_are_not_in_the_data(shop: Make) -> None:
    one = shop(("data", 'protected = ["plna", "sex"]'))
    said = [r.why for r in doctor(one.folder).results if r.name == "columns"]
    assert said == [
        "[data] protected names 'plna', which is not in the data: did you mean 'plan'?",
        "[data] protected names 'sex', which is not in the data: correct it or take it out",
    ]


def test_doctor_sees_that_mlflow_answers_or_what_to_do(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    assert doctor(one.folder).find("mlflow").verdict == "pass"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
        silent = doctor(one.folder).find("mlflow")
    assert silent.verdict == "warn"
    assert "unset MLFLOW_TRACKING_URI" in silent.why
    assert "secret" not in silent.why + silent.subject


def test_doctor_loads_what_is_live_and_sees_an_altered_bundle(shop: Make) -> None:
    one = shop()
    assert doctor(one.folder).find("live version").verdict == "pass"
    part = one.workspace.bundles / "1" / "reference.json"
    part.chmod(0o644)
    part.write_text(part.read_text() + " ")
    broken = doctor(one.folder).find("live version")
    assert broken.verdict == "fail"
    assert ";" in broken.why


def _with_other_packages(one: Shop, changed: dict[str, str]) -> None:
    """Rewrite the list of packages that version 1 was made with, where the ledger finds it."""
    place = one.workspace.ports.blobs.path(one.workspace.events("trained")[0].body["packages"])
    then = {**msgspec.json.decode(place.read_bytes()), **changed}
    place.chmod(0o644)
    place.write_bytes(msgspec.json.encode(then))


def test_doctor_compares_the_packages_with_those_the_live_version_was_made_with(
    shop: Make,
) -> None:
    one = shop()
    assert doctor(one.folder).find("packages").verdict == "pass"
    _with_other_packages(one, {"numpy": "1.0", "some-tool": "3"})
    found = doctor(one.folder).find("packages")
    assert found.verdict == "warn"
    assert found.why.startswith("numpy 1.0 then, ")
    assert "some-tool" not in found.why


def test_reproduce_names_each_package_then_and_now(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    same = reproduce(1, one.workspace)
    assert {r.name: r.verdict for r in same.results} == dict.fromkeys(
        ("reproduced", "data", "seed", "code", "environment"), "pass"
    )
    _with_other_packages(one, {"numpy": "1.0", "zz-gone": "3"})
    monkeypatch.setattr(reproducing, "environment_digest", lambda: "another")
    monkeypatch.setattr(reproducing, "code_digest", lambda: "changed since")
    found = reproduce(1, one.workspace)
    environment = found.find("environment")
    assert environment.why.startswith("numpy 1.0 then, ")
    assert environment.why.endswith("zz-gone 3 then, absent now")
    assert [each["name"] for each in environment.evidence["packages"]] == ["numpy", "zz-gone"]
    assert found.find("code").why.endswith(" then, changed since now")
    assert found.verdict == "warn"


def test_doctor_and_status_show_an_altered_ledger(shop: Make) -> None:
    import sqlite3

    one = shop()
    one.workspace.close()
    store = sqlite3.connect(one.workspace.root / "store.db")
    store.execute("DROP TRIGGER event_is_fixed")
    store.execute("UPDATE event SET body = json_set(body, '$.number', 7) WHERE kind = 'promoted'")
    store.commit()
    store.close()
    assert verify_ledger(one.workspace).verdict == "fail"
    assert doctor(one.folder).verdict == "fail"


def test_a_report_is_evidence_that_is_found_again_by_its_digest(shop: Make) -> None:
    workspace = shop().workspace
    event = workspace.events("promoted")[0]
    kept = workspace.report(event.body["reports"][0])
    assert kept.find("gate").name == "gate"
    assert json.loads(workspace.ports.blobs.path(event.body["reports"][0]).read_bytes())


def test_rows_to_score_are_checked_without_their_outcomes(shop: Callable[..., Shop]) -> None:
    one = shop()
    path = one.folder / "new.csv"
    customers(50, seed=3).drop("churned").write_csv(path)
    report = check(path, one.folder)
    assert report.verdict != "fail"
    assert "rows to score" in report.find("column_missing", "churned").why
    customers(50, seed=3).rename({"churned": "chruned"}).write_csv(path)
    near = check(path, one.folder).find("column_missing", "churned")
    assert (near.verdict, "is 'chruned' meant" in near.why) == ("warn", True)
    customers(50, seed=3).drop("churned").write_csv(one.folder / "customers.csv")
    assert check(folder=one.folder).verdict == "fail"


def test_who_acts_is_named_by_the_surroundings_or_the_list_of_users(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()

    def actor() -> str:
        with open_workspace(one.folder) as workspace:
            return workspace.actor

    monkeypatch.setenv("USER", "ada")
    assert actor() == "ada"
    monkeypatch.delenv("USER")
    monkeypatch.delenv("LOGNAME", raising=False)
    assert actor() == pwd.getpwuid(os.getuid()).pw_name

    def nobody(number: int) -> object:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert actor() == "person"
