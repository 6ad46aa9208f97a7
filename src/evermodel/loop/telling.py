"""What stands: status, history, the ledger's proof, and the report page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from evermodel.errors import BusyError, InputError, NotFoundError, SurroundingsError
from evermodel.loop.beginning import check, refuse_to_replace
from evermodel.loop.gating import gate_result
from evermodel.loop.learned import learned_from_page
from evermodel.loop.predictions import log_damage
from evermodel.loop.registry import mirror, requested_by_alias
from evermodel.loop.state import DECISIONS, State, read_state
from evermodel.loop.training import Recipe
from evermodel.loop.workspace import Workspace, open_workspace, silent, tell
from evermodel.project import Outcome
from evermodel.protocols import Progress
from evermodel.records import BINARY, CheckResult, Event, ModelVersion, Report, Verdict
from evermodel.store.durable import write_durably

__all__ = ["history", "report", "status", "verify_ledger"]

_STATES: dict[str, Verdict] = {
    "broken data": "fail",
    "harmful change": "fail",
    "useless": "fail",
    "harmless change": "warn",
    "steady": "pass",
}


def status(folder: str | Path | Workspace = ".", *, repair: bool = True) -> Report:
    """Return what is live, since when, whether it can be trusted, and what waits for whom.

    Parameters
    ----------
    folder : path or Workspace
    repair : bool
        Bring MLflow's versions and aliases in line with the ledger.
    """
    workspace = open_workspace(folder, make=False)
    state = read_state(workspace)
    results = [_live_result(workspace, state), _trust_result(state)]
    if state.challenger is not None:
        since = state.challenger_since
        why = f"version {state.challenger} waits for a decision since {since}"
        results.append(CheckResult(name="waiting", value=state.challenger, verdict="warn", why=why))
    results += _unregistered(workspace, state)
    results += _made_for_other_costs(workspace, state)
    results += log_damage(workspace)
    if repair and state.versions:
        results += _mlflow(workspace)
    deployment = state.deployment(workspace.project.name)
    facts: dict[str, Any] = {
        "live": state.live,
        "since": state.live_since,
        "previous": state.previous,
        "challenger": state.challenger,
        "versions": list(state.versions),
        "shares": {} if deployment is None else deployment.shares,
        "monitored": state.monitored_at,
    }
    return Report(
        verb="status", subject=workspace.project.name, results=tuple(results), facts=facts
    )


def _live_result(workspace: Workspace, state: State) -> CheckResult:
    if state.live is None:
        why = "nothing is live yet: evermodel run trains and releases a first version"
        return CheckResult(name="live", verdict="unknown", why=why)
    name = f"{workspace.project.name}/{state.live}"
    return CheckResult(
        name="live", subject=name, value=state.live, why=f"since {_minute(state.live_since)}"
    )


def _unregistered(workspace: Workspace, state: State) -> list[CheckResult]:
    """Return what to say of a candidate that was trained and is no version yet."""
    candidate = state.candidate
    if candidate is None or any(v.run == candidate["run"] for v in state.versions.values()):
        return []
    gate = gate_result(workspace, state, candidate, "candidate")
    then = "evermodel register makes it a version" if gate.verdict != "fail" else gate.why
    why = f"trained at {_minute(candidate['time'])}: {then}"
    return [CheckResult(name="candidate", subject=candidate["run"][:8], why=why)]


def _made_for_other_costs(workspace: Workspace, state: State) -> list[CheckResult]:
    """Return a warning where the live version's threshold was chosen for other costs."""
    if state.live is None or workspace.project.data.task != BINARY:
        return []
    recipe = workspace.ports.blobs.path(state.version(state.live).trained["recipe"])
    then = msgspec.json.decode(recipe.read_bytes(), type=Recipe).project.outcome
    now = workspace.project.outcome

    def prices(costs: Outcome) -> tuple[float, float]:
        return costs.cost_false_positive, costs.cost_false_negative

    if prices(then) == prices(now):
        return []
    why = (
        f"chosen for costs of {prices(then)[0]:g} and {prices(then)[1]:g}, not {prices(now)[0]:g} "
        f"and {prices(now)[1]:g}: evermodel retrain makes a version for these"
    )
    subject = f"{workspace.project.name}/{state.live}"
    return [CheckResult(name="threshold", subject=subject, verdict="warn", why=why)]


def _minute(time: str) -> str:
    """Return a time of the ledger as people write it; facts keep it to the microsecond.

    Examples
    --------
    >>> _minute("2026-01-31T10:00:59.123456Z")
    '2026-01-31 10:00 UTC'
    """
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _trust_result(state: State) -> CheckResult:
    seen = state.monitored
    if state.live is None or seen is None or seen.get("version") != state.live:
        why = "not looked at yet: evermodel monitor"
        return CheckResult(name="trust", verdict="unknown", why=why)
    verdict: Verdict = _STATES.get(str(seen["state"]), "unknown")
    # What monitoring found is a fact about the model; status itself has not failed.
    shown: Verdict = "warn" if verdict == "fail" else verdict
    why = f"{seen['state']} at {_minute(state.monitored_at)}: {seen['why']}"
    return CheckResult(name="trust", verdict=shown, why=why)


def _mlflow(workspace: Workspace) -> list[CheckResult]:
    try:
        asked = requested_by_alias(workspace)
    except SurroundingsError as error:
        return [CheckResult(name="mlflow", verdict="warn", why=tell(error))]
    if asked is not None and asked != read_state(workspace).live:
        why = f"its champion alias was moved to version {asked}: evermodel run weighs this request"
        return [CheckResult(name="mlflow", value=asked, verdict="warn", why=why)]
    try:
        # Aliases are written by one at a time, of what is live then.
        with workspace.releasing():
            found = mirror(workspace)
    except BusyError:
        return [CheckResult(name="mlflow", why="a decision is being made: looked at after it")]
    return list(found) or [CheckResult(name="mlflow", why="versions and aliases are as the ledger")]


def history(folder: str | Path | Workspace = ".", *, everything: bool = False) -> Report:
    """Return what was decided: when, by whom and why, oldest first.

    Parameters
    ----------
    folder : path or Workspace
    everything : bool
        All events of the ledger, not decisions only.
    """
    workspace = open_workspace(folder, make=False)
    shown = (*DECISIONS, "registered")
    bad = _first_bad_looks(workspace)
    events = [e for e in workspace.events() if everything or e.kind in shown or e.seq in bad]
    results = tuple(
        CheckResult(
            name=event.kind.replace("_", " "),
            subject=event.time,
            value=event.body.get("number"),
            why=_told(event),
            evidence={
                "seq": event.seq,
                "hash": event.hash,
                "reports": _evidence(event.body),
            },
        )
        for event in events
    )
    facts = {"events": [{"seq": e.seq, "time": e.time, "kind": e.kind, "actor": e.actor,
                         "body": e.body} for e in events]}  # fmt: skip
    return Report(verb="history", subject=workspace.project.name, results=results, facts=facts)


def _first_bad_looks(workspace: Workspace) -> set[int]:
    """Return the looks that found what stopped the loop: the first of each run of equal ones."""
    found, last = set(), ""
    for event in workspace.events("monitored"):
        state = str(event.body["state"])
        if state != last and _STATES.get(state) == "fail":
            found.add(event.seq)
        last = state
    return found


def _told(event: Event) -> str:
    """Return who decided, and why, in a line."""
    if event.kind == "monitored":
        return f"{event.actor}: {event.body['state']}: {event.body.get('why', '')}".rstrip(": ")
    forced = " (forced)" if event.body.get("forced") else ""
    reason = event.body.get("reason", "")
    if event.kind == "registered" and event.body.get("gate") not in (None, "", "pass", "warn"):
        reason = "although the gate did not pass"
    return f"{event.actor}{forced}: {reason}".rstrip(": ")


def _evidence(body: Mapping[str, Any]) -> list[str]:
    """Return the digests of the reports that an event rests on."""
    alone = body.get("report")
    return [*body.get("reports", ()), *([alone] if alone else ())]


def verify_ledger(folder: str | Path | Workspace = ".") -> Report:
    """Return whether every event of the ledger is there, in order and unaltered.

    Raises
    ------
    NotFoundError
        When nothing was ever done in this project.
    """
    workspace = open_workspace(folder, make=False)
    if not workspace.root.exists():
        what = "there is no ledger yet"
        hint = "evermodel run begins it; where there was one, the whole workspace is gone"
        raise NotFoundError(what, where=str(workspace.root), hint=hint)
    results = workspace.ports.ledger.verify()
    return Report(verb="ledger.verify", subject=str(workspace.root / "store.db"), results=results)


def report(
    folder: str | Path | Workspace = ".",
    *,
    output: str | Path | None = None,
    courses: tuple[Any, ...] = (),
    progress: Progress = silent,
) -> Report:
    """Write the project as it stands as one HTML page that loads nothing from outside.

    Parameters
    ----------
    folder : path or Workspace
    output : path, optional
        `report.html` in the workspace unless given.
    courses : tuple of report.project_page.Course
        Pictures over time to put on top.

    Raises
    ------
    InputError
        When another file lies where the page shall be.
    NotFoundError
        When nothing was done in the project yet and no file is named.
    SurroundingsError
        When the page cannot be written.
    """
    from evermodel.report.project_page import project_page

    workspace = open_workspace(folder, make=False)
    state = read_state(workspace)
    path = Path(output) if output else workspace.root / "report.html"
    if output is None and not workspace.root.exists():
        raise NotFoundError(
            "there is no workspace to write the page into yet",
            where=str(workspace.root),
            hint="evermodel run, or name a file with --output",
        )
    refuse_to_replace(path, workspace.project.source)
    progress("gathering", 0.2)
    checked = None
    try:
        checked = check(folder=workspace, thorough=False)
    except (InputError, NotFoundError, SurroundingsError):
        progress("the data cannot be read now", 0.4)
    seen = None
    if state.monitored and state.monitored.get("version") == state.live:
        seen = workspace.report(state.monitored["report"])
    progress("drawing", 0.7)
    text = project_page(
        name=workspace.project.name,
        made=workspace.now(),
        deployment=state.deployment(workspace.project.name),
        versions=_versions(workspace, state),
        evaluation=_evaluation(workspace, state),
        check=checked,
        monitor=seen,
        events=workspace.events(),
        courses=courses,
        **learned_from_page(workspace, state, _shown(state)),
    )
    write_durably(path, text.encode())
    progress("done", 1.0)
    written = CheckResult(name="report", subject=str(path), value=len(text), unit="bytes")
    facts = {"page": str(path), "disk_free": shutil.disk_usage(path.parent).free}
    return Report(verb="report", subject=workspace.project.name, results=(written,), facts=facts)


def _evaluation(workspace: Workspace, state: State) -> Report | None:
    """Return the newest evaluation of what is live, or else of the newest candidate."""
    shown = _shown(state)
    if shown is None:
        return None
    newest = state.newest.get(shown["run"])
    return workspace.report((newest or shown)["report"])


def _shown(state: State) -> Mapping[str, Any] | None:
    """Return the run of what is live, or else of the newest candidate."""
    live = state.versions.get(state.live) if state.live is not None else None
    return live.trained if live is not None else state.candidate


def _versions(workspace: Workspace, state: State) -> list[ModelVersion]:
    return [
        ModelVersion(
            project=workspace.project.name,
            number=version.number,
            digest=version.digest,
            run=version.run,
            created=version.time,
        )
        for version in state.versions.values()
    ]
