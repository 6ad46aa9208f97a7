"""What the server follows: the live version as the ledger says, loaded with its signature."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from evermodel.errors import NotFoundError
from evermodel.loop.state import load_version, read_state
from evermodel.loop.workspace import Workspace, open_workspace
from evermodel.serve import App, Follower, Live, Policy, PredictionLog, Served

__all__ = ["application", "live_version"]

_DECIDING = ("promoted", "rolled_back")


def live_version(workspace: Workspace) -> Callable[[], Served | None]:
    """Return a function that gives the live version, warm, when it changed since the last call.

    Each call costs one look at the store; a bundle is loaded only when the ledger names another
    decision. A version that cannot be loaded or does not run is tried again at each call. MLflow is
    never asked.
    """
    seen = -1

    def poll() -> Served | None:
        nonlocal seen
        newest = workspace.ports.ledger.last_seq(workspace.project.name, _DECIDING)
        if newest == seen or not newest:
            return None
        state = read_state(workspace)
        number = state.live
        if number is None:
            return None
        model = load_version(workspace, state.version(number), threads=1)
        served = Served(
            model=model,
            version=number,
            deployment=state.reign(workspace.project.name),
            since=state.live_since,
        )
        served.warm()
        seen = newest
        return served

    return poll


def application(folder: str | Path | Workspace = ".", *, must_be_live: bool = True) -> App:
    """Return the HTTP application of a project: it serves what is live and follows changes.

    Parameters
    ----------
    folder : path or Workspace
    must_be_live : bool
        Refuse to start while nothing is live; otherwise answer 503 until something is.

    Raises
    ------
    NotFoundError
        When nothing is live yet.
    BundleError
        When the live bundle was altered or is not signed by a trusted key.
    """
    workspace = open_workspace(folder, make=not must_be_live)
    poll = live_version(workspace)
    served = poll()
    if served is None and must_be_live:
        raise NotFoundError("nothing is live yet", hint="evermodel run, or evermodel promote")
    live, settings = Live(served), workspace.project.serve
    return App(
        live,
        PredictionLog(workspace.segments),
        clock=workspace.ports.clock,
        follower=Follower(poll, live),
        log_features=settings.log_features,
        policy=Policy(
            settings.checks,
            quarantine=PredictionLog(workspace.set_aside)
            if settings.checks == "quarantine"
            else None,
            answer=settings.answer_quarantined,
            keep_features=settings.log_features,
        ),
    )
