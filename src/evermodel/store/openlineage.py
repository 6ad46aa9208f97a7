"""The events of OpenLineage (specification 2-0-2) as small structs, and the names of data sets.

Follows https://openlineage.io/spec/2-0-2/OpenLineage.json and the naming rules of its `Naming.md`.
Only facets of the standard are written; each names the schema it follows.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from evermodel.errors import masked

__all__ = [
    "NAMESPACE",
    "PRODUCER",
    "SCHEMA",
    "InputDataset",
    "LineageJob",
    "LineageRun",
    "Name",
    "OutputDataset",
    "RunEvent",
    "State",
    "data_set_name",
    "facet",
]

NAMESPACE = "evermodel"
"""Where the jobs are named, and what lies in Evermodel's own store."""

# No host answers to it: nobody is called by whoever reads an event.
PRODUCER = "https://evermodel.invalid/producer/1"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

State = Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]
Facets = dict[str, dict[str, Any]]

_FACET_VERSIONS = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "DataQualityMetricsDatasetFacet": "1-0-1",
    "DataQualityMetricsInputDatasetFacet": "1-0-3",
    "DatasetTypeDatasetFacet": "1-0-1",
    "DatasetVersionDatasetFacet": "1-0-1",
    "DatasourceDatasetFacet": "1-0-1",
    "DocumentationDatasetFacet": "1-1-0",
    "DocumentationJobFacet": "1-1-0",
    "ErrorMessageRunFacet": "1-0-1",
    "ExecutionParametersRunFacet": "1-0-0",
    "JobTypeJobFacet": "2-0-4",
    "NominalTimeRunFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "ParentRunFacet": "1-2-0",
    "ProcessingEngineRunFacet": "1-1-1",
    "SchemaDatasetFacet": "1-2-0",
}


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the parts of an event; fields that a later version adds are read over."""


class LineageRun(_Part, frozen=True, kw_only=True):
    """One run, by its UUID."""

    run_id: str
    facets: Facets = msgspec.field(default_factory=dict)


class LineageJob(_Part, frozen=True, kw_only=True):
    """What is run again and again."""

    namespace: str
    name: str
    facets: Facets = msgspec.field(default_factory=dict)


class InputDataset(_Part, frozen=True, kw_only=True):
    """A data set that was read."""

    namespace: str
    name: str
    facets: Facets = msgspec.field(default_factory=dict)
    input_facets: Facets = msgspec.field(default_factory=dict)


class OutputDataset(_Part, frozen=True, kw_only=True):
    """A data set that was made."""

    namespace: str
    name: str
    facets: Facets = msgspec.field(default_factory=dict)
    output_facets: Facets = msgspec.field(default_factory=dict)


class RunEvent(_Part, frozen=True, kw_only=True):
    """One change of a run's state, with what it read and made.

    Examples
    --------
    >>> event = RunEvent(
    ...     event_type="START",
    ...     event_time="2026-11-03T09:00:00Z",
    ...     run=LineageRun(run_id="0e0c0a4e-1f5c-4d8e-9a77-0a2f3b1c4d5e"),
    ...     job=LineageJob(namespace="evermodel", name="churn.train"),
    ... )
    >>> msgspec.json.decode(msgspec.json.encode(event))["eventType"]
    'START'
    """

    event_type: State | None = None
    event_time: str
    run: LineageRun
    job: LineageJob
    inputs: list[InputDataset] = msgspec.field(default_factory=list)
    outputs: list[OutputDataset] = msgspec.field(default_factory=list)
    producer: str = PRODUCER
    schema_url: str = msgspec.field(default=SCHEMA, name="schemaURL")


def facet(kind: str, **fields: Any) -> dict[str, Any]:
    """Return a facet of the standard with the address of its schema; None is left out.

    Examples
    --------
    >>> facet("DatasetVersionDatasetFacet", datasetVersion="d1")["datasetVersion"]
    'd1'
    """
    place = f"{_FACET_VERSIONS[kind]}/{kind}.json#/$defs/{kind}"
    known = {name: value for name, value in fields.items() if value is not None}
    head = {"_producer": PRODUCER, "_schemaURL": f"https://openlineage.io/spec/facets/{place}"}
    return head | known


class Name(NamedTuple):
    """What names a data set everywhere: the source it lies in, and its name there."""

    namespace: str
    name: str


class _Database(NamedTuple):
    scheme: str
    port: str
    schema: str
    """The schema of a table that is named without one; "" where the kind has none to name."""


_POSTGRES = _Database("postgres", "5432", "public")
_MYSQL = _Database("mysql", "3306", "")
_DATABASES = {
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "mssql": _Database("mssql", "1433", "dbo"),
    "oracle": _Database("oracle", "1521", ""),
}
_FILES = ("sqlite", "duckdb")
_OPTION = re.compile(r"[?#&](?:table|query)=")


def data_set_name(address: str, *, project: str = "", root: str | Path | None = None) -> Name:
    """Return the namespace and the name of a data set, by the rules of OpenLineage.

    A file below the project's folder is named by its path from there, after the project's name, so
    that no name tells whose machine it was and two projects' files are two. What lies elsewhere
    has its whole path or address, without user, password or query.

    Parameters
    ----------
    address : str
        As it is written: a path or an address.
    project : str
    root : path, optional
        The project's folder, from which a path without a beginning counts.

    Examples
    --------
    >>> data_set_name("data/orders.csv", project="churn")
    Name(namespace='file', name='churn/data/orders.csv')
    >>> data_set_name("postgresql://me:secret@db/shop?table=orders")
    Name(namespace='postgres://db:5432', name='shop.public.orders')
    """
    # First of all: a password may hold any sign, and would be taken for a host or a path.
    address = masked(address)
    scheme, found, _ = address.partition("://")
    if not found:
        return Name("file", _path(address, project, root))
    kind = scheme.split("+")[0].lower()
    if kind in _FILES or kind in _DATABASES:
        address = _without_user(address)
    if kind in _FILES:
        return _in_file(kind, address, project, root)
    if kind in _DATABASES:
        return _in_database(_DATABASES[kind], address)
    parts = _split(address)
    if kind == "file":
        return Name("file", _path(unquote(parts.path), project, root))
    return Name(f"{kind}://{_host(parts.netloc)}", parts.path.lstrip("/") or "/")


class _Parts(NamedTuple):
    netloc: str
    path: str
    options: dict[str, str]


def _split(address: str) -> _Parts:
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that are no IPv6 address
        return _Parts("", address.partition("://")[2].rpartition("@")[2].split("?")[0], {})
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "=" in parts.fragment:
        key, _, value = parts.fragment.partition("=")
        options.setdefault(key, unquote(value))
    return _Parts(parts.netloc, parts.path, options)


def _without_user(address: str) -> str:
    """Return the address of a database from its host on, however odd the signs of a password."""
    scheme, _, rest = address.partition("://")
    if rest.startswith("/"):
        return address
    option = _OPTION.search(rest)
    end = option.start() if option else len(rest)
    return f"{scheme}://{rest[:end].rpartition('@')[2]}{rest[end:]}"


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2]


def _path(written: str, project: str, root: str | Path | None) -> str:
    """Return a path as a name: from the project's folder where it lies in it."""
    path = Path(os.path.normpath(written))
    if root is not None:
        home = Path(os.path.normpath(Path(root).absolute()))
        path = Path(os.path.normpath(home / path))
        # A folder may be reached by a link on one of the two ways.
        for inner, outer in ((path, home), (path.resolve(), home.resolve())):
            if inner.is_relative_to(outer):
                path = inner.relative_to(outer)
                break
    name = path.as_posix()
    inside = not path.is_absolute() and path.parts[:1] != (os.pardir,)
    return f"{project}/{name}" if inside and project else name


def _table(options: dict[str, str]) -> str:
    """Return the name of a table; a query has a digest for a name, as its text may hold values."""
    if options.get("table"):
        return options["table"]
    query = options.get("query", "")
    return f"query-{hashlib.sha256(query.encode()).hexdigest()[:12]}" if query else ""


def _in_file(kind: str, address: str, project: str, root: str | Path | None) -> Name:
    parts = _split(address)
    # Three strokes lead to a path without a beginning, four to one that has it.
    path = _path(unquote(parts.path[1:]) or ":memory:", project, root)
    table = _table(parts.options)
    return Name(kind, f"{path}.{table}" if table else path)


def _in_database(kind: _Database, address: str) -> Name:
    parts = _split(address)
    host, port = _host(parts.netloc), ""
    if not host.endswith("]") and ":" in host:
        host, _, port = host.rpartition(":")
    host = host or parts.options.get("host", "") or "localhost"
    port = port or parts.options.get("port", "") or kind.port
    schema, _, table = _table(parts.options).rpartition(".")
    if not table.startswith("query-"):
        schema = schema or kind.schema
    named = [unquote(parts.path.strip("/")), schema, table]
    return Name(f"{kind.scheme}://{host}:{port}", ".".join(part for part in named if part))
