"""Lineage: what each run read and made, as events of OpenLineage, and the way from data to model.

`run_event` turns a `Run` into an event; `Lineage` keeps it in a file and tells a lineage server of
it where one is set; `lineage` reads the events back, and `upstream` and `downstream` walk them.
An event holds names, digests, counts and column names: never a row, a password or a query's text.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import msgspec

from evermodel.errors import EvermodelError, masked
from evermodel.records import Record, Run, Schema
from evermodel.store.clock import stamp
from evermodel.store.lineage_log import Lineage, lineage, send
from evermodel.store.lineage_walk import Link, Version, downstream, upstream
from evermodel.store.openlineage import (
    NAMESPACE,
    Facets,
    InputDataset,
    LineageJob,
    LineageRun,
    Name,
    OutputDataset,
    RunEvent,
    data_set_name,
    facet,
)

__all__ = [
    "DataSet",
    "Lineage",
    "Link",
    "Version",
    "downstream",
    "lineage",
    "run_event",
    "run_uuid",
    "send",
    "upstream",
]

_RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "https://evermodel.invalid/runs")
_DOES = {
    "check": "Looks at a table and says what is wrong with it.",
    "evaluate": "Measures a model on rows that it has not learned from.",
    "labels": "Joins outcomes to the predictions they belong to.",
    "monitor": "Compares new rows and outcomes with those the model was made from.",
    "register": "Signs a model and gives it a number.",
    "reproduce": "Makes a version again and compares the two.",
    "retrain": "Fits a new model to the newest rows.",
    "run": "Turns the loop once: looks at what is live and does at most one thing about it.",
    "score": "Predicts the rows of a table.",
    "train": "Fits a model to a table.",
}
_WORD = re.compile(r"[\w-]+")
_SECRET = re.compile(r"(?i)passw|passphrase|pwd|token|secret|credential|(?:api|access)[_-]?key")
_LONGEST = 1000


class DataSet(Record, frozen=True, kw_only=True):
    """What is known of one data set of a run; all of it may be left out.

    Parameters
    ----------
    address : str
        A path or an address, as it is written in the project file. Without one the data set lies
        in Evermodel's own store and is named by its key in the run, such as ``churn.model``.
    digest : str
        Of its content: its version. Without one it is the digest that the run has for it.
    schema : Schema, optional
        Its columns with types and roles.
    rows : int, optional
    nulls : dict of str to int
        How many values are missing, by column.
    description : str
        What it is, for people.
    kind : {"table", "model"}
    """

    address: str = ""
    digest: str = ""
    schema: Schema | None = None
    rows: int | None = None
    nulls: dict[str, int] = msgspec.field(default_factory=dict)
    description: str = ""
    kind: Literal["table", "model"] = "table"


def run_uuid(run: Run) -> str:
    """Return the id of a run as a UUID: its own where it is one, else always the same one for it.

    Examples
    --------
    >>> run_uuid(Run(id="5" * 32, verb="train", project="churn", started="2026-11-03T09:00:00Z"))
    '55555555-5555-5555-5555-555555555555'
    """
    try:
        return str(uuid.UUID(run.id))
    except ValueError:
        return str(uuid.uuid5(_RUNS, f"{run.project}/{run.id}"))


def run_event(
    run: Run,
    state: Literal["START", "COMPLETE", "FAIL"],
    *,
    inputs: Mapping[str, DataSet] | None = None,
    outputs: Mapping[str, DataSet] | None = None,
    error: BaseException | str = "",
    root: str | Path | None = None,
    parent: Run | None = None,
) -> RunEvent:
    """Return what OpenLineage is told when a run begins, ends or breaks.

    Parameters
    ----------
    run : Run
        As it stands then: its end is its start and its seconds.
    state : {"START", "COMPLETE", "FAIL"}
    inputs, outputs : mapping of str to DataSet, optional
        What is known of the run's data sets, under the keys of `run.inputs` and `run.outputs`. A
        data set that has a digest in the run and is not described here is named all the same.
    error : exception or str
        Why it failed. Of an exception that is not Evermodel's own only the kind is told: what it
        says may hold a value of somebody's row.
    root : path, optional
        The project's folder: files below it are named from there.
    parent : Run, optional
        The run that began this one, such as the turn of the loop that trained.

    Raises
    ------
    ValueError
        When the run's start is no time.

    Examples
    --------
    >>> run = Run(
    ...     id="5" * 32, verb="train", project="churn", started="2026-11-03T09:00:00Z",
    ...     seconds=90, inputs={"data": "d1"}, outputs={"model": "m1"},
    ... )
    >>> event = run_event(run, "COMPLETE", inputs={"data": DataSet(address="orders.csv")})
    >>> event.job.name, event.event_time, event.inputs[0].name, event.outputs[0].name
    ('churn.train', '2026-11-03T09:01:30.000000Z', 'churn/orders.csv', 'churn.model')
    """
    begun = _instant(run.started)
    ended = begun + timedelta(seconds=run.seconds)
    read = _described(run.inputs, inputs or {})
    made = _described(run.outputs, outputs or {})
    sources = [(_name(key, one, run, root), one) for key, one in read.items()]
    results = [(_name(key, one, run, root), one) for key, one in made.items()]
    clean = _Clean([*sources, *results], root)
    facets = _run_facets(run, begun, ended if state != "START" else None, clean)
    if parent is not None:
        facets["parent"] = facet(
            "ParentRunFacet",
            run={"runId": run_uuid(parent)},
            job={"namespace": NAMESPACE, "name": f"{parent.project}.{parent.verb}"},
        )
    if state == "FAIL":
        facets["errorMessage"] = facet(
            "ErrorMessageRunFacet", message=_said(error, clean), programmingLanguage="PYTHON"
        )
    return RunEvent(
        event_type=state,
        event_time=stamp(begun if state == "START" else ended),
        run=LineageRun(run_id=run_uuid(run), facets=facets),
        job=LineageJob(
            namespace=NAMESPACE, name=f"{run.project}.{run.verb}", facets=_job_facets(run)
        ),
        inputs=[_input(name, one, clean) for name, one in sources],
        outputs=[_output(name, one, sources, clean) for name, one in results],
    )


class _Clean:
    """Takes passwords, addresses and the project's place out of what others wrote."""

    def __init__(self, sets: Iterable[tuple[Name, DataSet]], root: str | Path | None) -> None:
        # An address that is known is found whole, whatever signs its password has.
        self._known = {one.address: _uri(name) for name, one in sets if "://" in one.address}
        self._place = "" if root is None else f"{Path(root).absolute()}/"

    def __call__(self, text: str) -> str:
        for address in sorted(self._known, key=len, reverse=True):
            text = text.replace(address, self._known[address])
        return masked(text.replace(self._place, "") if self._place else text)


def _instant(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _described(digests: Mapping[str, str], known: Mapping[str, DataSet]) -> dict[str, DataSet]:
    """Return every data set that has a digest or a description, each with its digest."""
    found = {}
    for key in (*digests, *(key for key in known if key not in digests)):
        one = known.get(key) or DataSet(
            # A run may name what it read by its address.
            address="" if _WORD.fullmatch(key) else key,
            kind="model" if key == "model" else "table",
        )
        found[key] = msgspec.structs.replace(one, digest=one.digest or digests.get(key, ""))
    return found


def _name(key: str, one: DataSet, run: Run, root: str | Path | None) -> Name:
    if one.address:
        return data_set_name(one.address, project=run.project, root=root)
    return Name(NAMESPACE, f"{run.project}.{key}")


def _uri(name: Name) -> str:
    return f"{name.namespace}{'/' if '://' in name.namespace else ':'}{name.name}"


def _run_facets(run: Run, begun: datetime, ended: datetime | None, clean: _Clean) -> Facets:
    release = _release()
    parameters = {"seed": run.seed, "code": run.code, "environment": run.environment}
    parameters |= {f"parameters.{key}": value for key, value in run.parameters.items()}
    return {
        "nominalTime": facet(
            "NominalTimeRunFacet",
            nominalStartTime=stamp(begun),
            nominalEndTime=None if ended is None else stamp(ended),
        ),
        "processing_engine": facet(
            "ProcessingEngineRunFacet",
            name="Evermodel",
            version=release,
            openlineageAdapterVersion=release,
        ),
        "executionParameters": facet(
            "ExecutionParametersRunFacet",
            parameters=[
                {"key": clean(key), "value": _text(key, value, clean)}
                for key, value in parameters.items()
                if value != ""
            ],
        ),
    }


@cache
def _release() -> str:
    try:
        return version("evermodel")
    except PackageNotFoundError:  # its source is used without being installed
        return "unknown"


def _text(key: str, value: Any, clean: _Clean) -> str:
    """Return a parameter as the standard wants it: a text, and no secret."""
    if _SECRET.search(key):
        return "***"
    if not isinstance(value, str):
        value = msgspec.json.encode(value, enc_hook=str, order="deterministic").decode()
    return clean(value)[:_LONGEST]


def _job_facets(run: Run) -> Facets:
    said = _DOES.get(run.verb, f"Runs evermodel {run.verb}.")
    return {
        "documentation": facet("DocumentationJobFacet", description=said, contentType="text/plain"),
        "jobType": facet(
            "JobTypeJobFacet", processingType="BATCH", integration="EVERMODEL", jobType="COMMAND"
        ),
    }


def _said(error: BaseException | str, clean: _Clean) -> str:
    if isinstance(error, EvermodelError):
        # What was found is left out as in the ledger: it may be somebody's value.
        text = f"{type(error).__name__}: {error.what}"
        text += f" ({error.where})" if error.where else ""
    elif isinstance(error, BaseException):
        text = type(error).__name__
    else:
        text = error
    return (clean(text).strip().splitlines() or ["it did not say why"])[0][:_LONGEST]


def _facets(name: Name, one: DataSet, clean: _Clean) -> Facets:
    """Return what holds of a data set whether it was read or made."""
    kind = "MODEL" if one.kind == "model" else "FILE" if name.namespace == "file" else "TABLE"
    found = {
        "dataSource": facet("DatasourceDatasetFacet", name=name.namespace, uri=_uri(name)),
        "datasetType": facet("DatasetTypeDatasetFacet", datasetType=kind),
    }
    if one.digest:
        found["version"] = facet("DatasetVersionDatasetFacet", datasetVersion=one.digest)
    if one.description:
        found["documentation"] = facet(
            "DocumentationDatasetFacet", description=clean(one.description)
        )
    if one.schema is not None:
        fields = [
            {"name": column.name, "type": column.type, "ordinal_position": place}
            for place, column in enumerate(one.schema.columns, start=1)
        ]
        found["schema"] = facet("SchemaDatasetFacet", fields=fields)
    return found


def _metrics(one: DataSet) -> dict[str, Any]:
    columns = {column: {"nullCount": count} for column, count in one.nulls.items()}
    return {"rowCount": one.rows, "columnMetrics": columns}


def _input(name: Name, one: DataSet, clean: _Clean) -> InputDataset:
    measured = {}
    if one.rows is not None or one.nulls:
        measured["dataQualityMetrics"] = facet(
            "DataQualityMetricsInputDatasetFacet", **_metrics(one)
        )
    return InputDataset(
        namespace=name.namespace,
        name=name.name,
        facets=_facets(name, one, clean),
        input_facets=measured,
    )


def _output(
    name: Name, one: DataSet, read: list[tuple[Name, DataSet]], clean: _Clean
) -> OutputDataset:
    facets, measured = _facets(name, one, clean), {}
    if one.rows is not None or one.nulls:
        facets["dataQualityMetrics"] = facet("DataQualityMetricsDatasetFacet", **_metrics(one))
    if one.rows is not None:
        measured["outputStatistics"] = facet(
            "OutputStatisticsOutputDatasetFacet", rowCount=one.rows
        )
    if one.kind == "model" and (fields := _learned(read)):
        facets["columnLineage"] = facet("ColumnLineageDatasetFacet", fields=fields)
        facets.setdefault(
            "schema", facet("SchemaDatasetFacet", fields=[{"name": column} for column in fields])
        )
    return OutputDataset(
        namespace=name.namespace, name=name.name, facets=facets, output_facets=measured
    )


def _learned(read: list[tuple[Name, DataSet]]) -> dict[str, Any]:
    """Return which columns a model predicts its target from, as far as the schemas tell."""
    fields: dict[str, Any] = {}
    for name, one in read:
        if one.schema is None:
            continue
        features = [
            {
                "namespace": name.namespace,
                "name": name.name,
                "field": column,
                "transformations": [{"type": "DIRECT", "subtype": "TRANSFORMATION"}],
            }
            for column in one.schema.names("feature")
        ]
        for target in one.schema.names("target") if features else ():
            fields.setdefault(target, {"inputFields": []})["inputFields"] += features
    return fields
