"""MLflow as the place where people look: runs with their numbers, versions with their aliases.

The ledger remains the truth; what stands here mirrors it. MLflow is imported when it is used.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from evermodel.errors import NotFoundError
from evermodel.records import CheckResult, Run
from evermodel.store.blobs import digest_of
from evermodel.store.mlflow_client import Connection
from evermodel.store.mlflow_model import save_as_mlflow

__all__ = ["MlflowRegistry", "MlflowTracker"]

_LONGEST_VALUE = 500
_LONGEST_KEY = 250
_BATCH = 100
_NUMBER = "evermodel.number"
_DIGEST = "evermodel.digest"


class MlflowTracker:
    """Shows finished runs in MLflow: one MLflow run for each, in the project's experiment.

    Parameters
    ----------
    workspace : Path
        Holds `mlflow.db` and `mlartifacts/`, unless `MLFLOW_TRACKING_URI` names a server.
    """

    def __init__(self, workspace: str | Path) -> None:
        self._connection = Connection(workspace)

    def log(self, run: Run, results: Sequence[CheckResult], artifacts: Sequence[Path]) -> str:
        """Record a finished run and return MLflow's own id of it.

        Parameters become params, results with a finite value become metrics (named by subject and
        name), and so do CPU seconds, peak memory and bytes written; digests become tags.

        Raises
        ------
        SurroundingsError
            When MLflow or its server does not answer or refuses.
        """
        from_start = _milliseconds(run.started)
        with self._connection.client() as client:
            experiment = _experiment(client, self._connection, run.project)
            name = f"{run.verb} {run.id[:8]}"
            made = client.create_run(experiment, from_start, tags=_tags(run), run_name=name)
            found: str = made.info.run_id
            state = "FAILED"
            try:
                _log_numbers(client, found, run, results, from_start)
                for artifact in artifacts:
                    log = client.log_artifacts if artifact.is_dir() else client.log_artifact
                    place = artifact.name if artifact.is_dir() else None
                    log(found, str(artifact), place)
                state = "FINISHED"
            finally:
                client.set_terminated(found, state, from_start + round(run.seconds * 1000))
        return found


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def _experiment(client: Any, connection: Connection, project: str) -> str:
    """Return the id of the project's experiment, made or brought back where it is not there."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(project)
    if found is None:
        try:
            made: str = client.create_experiment(project, connection.artifacts(project))
        except MlflowException:
            # Another process made it in between, or the refusal is a real one.
            found = client.get_experiment_by_name(project)
            if found is None:
                raise
        else:
            return made
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _tags(run: Run) -> dict[str, str]:
    tags = {"evermodel.run": run.id, "evermodel.verb": run.verb, "evermodel.seed": str(run.seed)}
    digests = {"code": run.code, "environment": run.environment}
    digests |= {f"input.{name}": digest for name, digest in run.inputs.items()}
    digests |= {f"output.{name}": digest for name, digest in run.outputs.items()}
    return tags | {_key(f"evermodel.{name}"): digest for name, digest in digests.items() if digest}


def _log_numbers(
    client: Any, run_id: str, run: Run, results: Iterable[CheckResult], time: int
) -> None:
    from mlflow.entities import Metric, Param

    numbers = {
        "cpu_seconds": run.cpu_seconds,
        "peak_bytes": float(run.peak_bytes),
        "bytes_written": float(run.bytes_written),
        "seconds": run.seconds,
    }
    for result in results:
        parts = (result.subject, result.name, result.slice)
        if result.value is not None and math.isfinite(result.value):
            numbers.setdefault(_key(".".join(part for part in parts if part)), result.value)
    metrics = [Metric(name, value, time, 0) for name, value in numbers.items()]
    params = [Param(_key(name), _text(value)) for name, value in run.parameters.items()]
    for start in range(0, max(len(metrics), len(params)), _BATCH):
        batch = slice(start, start + _BATCH)
        client.log_batch(run_id, metrics[batch], params[batch])


def _key(name: str) -> str:
    """Return a name that MLflow takes: letters, digits, space and _ - . / only."""
    return re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII)[:_LONGEST_KEY]


def _text(value: Any) -> str:
    plain = msgspec.to_builtins(value, str_keys=True)
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


class MlflowRegistry:
    """Mirrors versions and aliases in MLflow's model registry.

    A version carries its own number and digest as tags: MLflow counts by itself, and its numbers
    need not equal ours.

    Parameters
    ----------
    workspace : Path
        Holds `mlflow.db` and `mlartifacts/`, unless `MLFLOW_TRACKING_URI` names a server.
    digest : callable
        Gives the digest of a bundle's folder.
    """

    def __init__(self, workspace: str | Path, *, digest: Callable[[Path], str] = digest_of) -> None:
        self._connection = Connection(workspace)
        self._digest = digest

    def register(self, project: str, number: int, bundle: Path, run_id: str) -> str:
        """Mirror one version and return its address there, such as `models:/churn/3`.

        Doing it again, after a crash for instance, finds the version that is there.

        Raises
        ------
        SurroundingsError
            When MLflow or its server does not answer or refuses.
        BundleError
            When the bundle's manifest cannot be read.
        """
        digest = self._digest(bundle)
        tags = {_NUMBER: str(number), _DIGEST: digest}
        with self._connection.client() as client:
            for version in _versions(client, project):
                if all(version.tags.get(name) == value for name, value in tags.items()):
                    return f"models:/{project}/{version.version}"
            _registered_model(client, project)
            experiment = _experiment(client, self._connection, project)
            logged = _log_model(client, experiment, bundle, run_id, tags)
            source, model_id = f"models:/{logged.model_id}", logged.model_id
            if logged.artifact_location.startswith("file:"):
                # Without a server, MLflow looks such an address up, and the run of a model, at the
                # address of the whole process, which need not be this workspace's.
                source, model_id = logged.artifact_location, logged.model_id if run_id else None
            made = client.create_model_version(
                project, source, run_id or None, tags=tags, model_id=model_id
            )
        return f"models:/{project}/{made.version}"

    def alias(self, project: str, name: str, number: int | None) -> None:
        """Point an alias at a version, or take it away.

        Raises
        ------
        NotFoundError
            When the version is not mirrored there.
        SurroundingsError
            When MLflow or its server does not answer or refuses.
        """
        with self._connection.client() as client:
            if number is None:
                if name in self._raw(client, project):
                    client.delete_registered_model_alias(project, name)
                return
            of_ours = {_number(version): version for version in _versions(client, project)}
            if number not in of_ours:
                what = f"version {number} of {project} is not in the registry"
                hint = "evermodel status mirrors what is missing there"
                raise NotFoundError(what, where=self._connection.uri, hint=hint)
            client.set_registered_model_alias(project, name, of_ours[number].version)

    def aliases(self, project: str) -> dict[str, int]:
        """Return all aliases as they stand there, with our numbers.

        An alias that points at a version of someone else's making is left out.
        """
        with self._connection.client() as client:
            raw = self._raw(client, project)
            numbers = (
                {str(v.version): _number(v) for v in _versions(client, project)} if raw else {}
            )
        found = {name: numbers.get(str(version)) for name, version in raw.items()}
        return {name: number for name, number in found.items() if number is not None}

    def _raw(self, client: Any, project: str) -> dict[str, str]:
        model = _find_registered(client, project)
        return dict(model.aliases) if model is not None else {}


def _find_registered(client: Any, project: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(project)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _registered_model(client: Any, project: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(project)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _versions(client: Any, project: str) -> list[Any]:
    """Return all mirrored versions, in the order in which MLflow numbered them."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_model_versions(f"name='{project}'", page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return sorted(found, key=lambda version: int(version.version))


def _number(version: Any) -> int | None:
    text = version.tags.get(_NUMBER, "")
    return int(text) if text.isdecimal() else None


def _log_model(
    client: Any, experiment: str, bundle: Path, run_id: str, tags: dict[str, str]
) -> Any:
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    # Not by `mlflow.pyfunc.log_model`: that would change the tracking address of the whole process.
    logged = client.create_logged_model(
        experiment, name="model", source_run_id=run_id or None, tags=tags, model_type="evermodel"
    )
    found: str = logged.model_id
    if run_id:
        client.log_outputs(run_id, [LoggedModelOutput(found, 0)])
    with tempfile.TemporaryDirectory(prefix="evermodel-") as folder:
        target = Path(folder) / "model"
        model = Model(
            artifact_path=logged.artifact_location,
            run_id=run_id or None,
            model_uuid=found,
            model_id=found,
        )
        save_as_mlflow(bundle, target, model)
        client.log_model_artifacts(found, str(target))
    return client.finalize_logged_model(found, "READY")
