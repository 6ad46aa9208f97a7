"""MLflow's registry kept in line with the ledger, and what people ask for by changing it."""

from __future__ import annotations

from evermodel.errors import BundleError, NotFoundError, SurroundingsError
from evermodel.loop.state import load_version, read_state
from evermodel.loop.workspace import Workspace, attach_mlflow, tell
from evermodel.protocols import Registry
from evermodel.records import CheckResult

__all__ = ["mirror", "requested_by_alias"]

_CHAMPION = "champion"


def mirror(workspace: Workspace, *, settle: bool = True) -> tuple[CheckResult, ...]:
    """Make MLflow's versions and aliases say what the ledger says; return what failed as warnings.

    The ledger stays the truth: a registry that does not answer is told again by `status`.

    Parameters
    ----------
    workspace : Workspace
    settle : bool
        Put back an alias that someone moved by hand; otherwise leave it, as a request that waits.
    """
    attach_mlflow(workspace)
    registry = workspace.ports.registry
    if registry is None:
        return ()
    name, state = workspace.project.name, read_state(workspace)
    try:
        there = registry.aliases(name)
        for number in state.versions:
            if f"version {number}" not in state.mirrored:
                run = state.tracked.get(state.versions[number].run, "")
                _show(workspace, registry, number, run)
        for alias, wanted in ((_CHAMPION, state.live), ("challenger", state.challenger)):
            known = state.mirrored.get(alias) == wanted
            if there.get(alias) != wanted and (settle or not known):
                _point(workspace, registry, alias, wanted)
            if not known:
                workspace.record("mirrored", {"alias": alias, "number": wanted})
    except (BundleError, NotFoundError, SurroundingsError) as error:
        return (CheckResult(name="mlflow", subject="registry", verdict="warn", why=tell(error)),)
    return ()


def _show(workspace: Workspace, registry: Registry, number: int, run: str) -> None:
    """Mirror one version, never another one's bundle; what is there already is found again."""
    load_version(workspace, read_state(workspace).version(number))
    registry.register(workspace.project.name, number, workspace.bundles / str(number), run)
    workspace.record("mirrored", {"alias": f"version {number}", "number": number})


def _point(workspace: Workspace, registry: Registry, alias: str, number: int | None) -> None:
    """Point an alias; a registry that lost the version, or is another one, is told of it first.

    Another registry does not know the run either.
    """
    name = workspace.project.name
    try:
        registry.alias(name, alias, number)
    except NotFoundError:
        if number is None:
            raise
        _show(workspace, registry, number, "")
        registry.alias(name, alias, number)


def requested_by_alias(workspace: Workspace) -> int | None:
    """Return the version that someone asked for by moving MLflow's champion alias, if any.

    Raises
    ------
    SurroundingsError
        When the registry does not answer.
    """
    attach_mlflow(workspace)
    state = read_state(workspace)
    if workspace.ports.registry is None or _CHAMPION not in state.mirrored:
        return None
    there = workspace.ports.registry.aliases(workspace.project.name).get(_CHAMPION)
    moved = there is not None and there not in (state.mirrored[_CHAMPION], state.live)
    return there if moved and there in state.versions else None
