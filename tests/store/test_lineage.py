"""The events of lineage: what they tell, what they never tell, and that others can read them."""

import json
import uuid
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.errors import DataError
from evermodel.records import Column, Schema
from evermodel.store.lineage import DataSet, run_event, run_uuid
from evermodel.store.lineage_log import client_event
from evermodel.store.openlineage import data_set_name
from tests.real import real_data
from tests.store.lineage_client import facets_of
from tests.store.lineage_events import a_run, every_event, plain


def test_a_run_is_told_with_its_times_its_job_and_its_versions() -> None:
    start, complete, fail = every_event()[:3]
    assert (start.event_type, start.event_time) == ("START", "2026-11-03T09:00:00.000000Z")
    assert (complete.event_type, complete.event_time) == ("COMPLETE", "2026-11-03T09:01:30.500000Z")
    assert fail.event_type == "FAIL"
    whole = plain(complete)
    assert whole["schemaURL"].endswith("/spec/2-0-2/OpenLineage.json#/$defs/RunEvent")
    assert whole["run"]["runId"] == "01234567-89ab-cdef-0123-456789abcdef"
    assert (whole["job"]["namespace"], whole["job"]["name"]) == ("evermodel", "churn.train")
    (data,), (model, scores) = whole["inputs"], whole["outputs"]
    assert (data["namespace"], data["name"]) == ("file", "churn/data/orders.csv")
    assert data["facets"]["version"]["datasetVersion"] == "d1"
    assert (model["namespace"], model["name"]) == ("evermodel", "churn.model")
    assert model["facets"]["version"]["datasetVersion"] == "m1"
    assert model["facets"]["datasetType"]["datasetType"] == "MODEL"
    assert scores["outputFacets"]["outputStatistics"]["rowCount"] == 9


def test_an_input_tells_its_columns_rows_and_gaps() -> None:
    data = plain(every_event()[1])["inputs"][0]
    fields = data["facets"]["schema"]["fields"]
    assert [(one["name"], one["type"]) for one in fields][1] == ("größe", "number")
    quality = data["inputFacets"]["dataQualityMetrics"]
    assert (quality["rowCount"], quality["columnMetrics"]) == (120, {"plan": {"nullCount": 3}})
    assert data["facets"]["documentation"]["description"] == "the shop's customers"


def test_a_model_predicts_its_target_from_the_features_alone() -> None:
    lineage_of = plain(every_event()[1])["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert list(lineage_of) == ["left"]
    named = [(one["name"], one["field"]) for one in lineage_of["left"]["inputFields"]]
    assert named == [("churn/data/orders.csv", "größe"), ("churn/data/orders.csv", "plan")]


def test_parameters_seed_and_digests_are_told_and_a_secret_is_not() -> None:
    facets = plain(every_event()[0])["run"]["facets"]
    told = {one["key"]: one["value"] for one in facets["executionParameters"]["parameters"]}
    assert told["parameters.depth"] == "3"
    assert told["parameters.weights"] == "[1,2]"
    assert (told["seed"], told["code"], told["environment"]) == ("7", "c1", "e1")
    assert told["parameters.db_password"] == "***"


def test_why_a_run_failed_is_told_without_anybodys_value(tmp_path: Path) -> None:
    def said(error: BaseException | str) -> str:
        event = plain(run_event(a_run(), "FAIL", error=error, root=tmp_path))
        return str(event["run"]["facets"]["errorMessage"]["message"])

    own = DataError("a date is none", where=str(tmp_path / "a.csv"), found="Bob, 1.1.70")
    assert said(own) == "DataError: a date is none (a.csv)"
    assert said(ValueError("Bob")) == "ValueError"
    assert said("no answer from postgresql://me:secret@db/x\nTraceback") == (
        "no answer from postgresql://me:***@db/x"
    )
    assert said("") == "it did not say why"


def test_an_id_that_is_no_uuid_becomes_always_the_same_one() -> None:
    one, again = run_uuid(a_run(id="monday")), run_uuid(a_run(id="monday"))
    assert one == again == str(uuid.UUID(one))
    assert uuid.UUID(one).version == 5
    assert one != run_uuid(a_run(id="tuesday"))
    assert one != run_uuid(a_run(id="monday", project="bike"))


@pytest.mark.parametrize(
    ("address", "namespace", "name"),
    [
        ("orders.csv", "file", "churn/orders.csv"),
        ("./data/../orders.csv", "file", "churn/orders.csv"),
        ("book.xlsx#sheet=May", "file", "churn/book.xlsx#sheet=May"),
        ("../shared/orders.csv", "file", "/shops/shared/orders.csv"),
        ("/shops/churn/data/a.parquet", "file", "churn/data/a.parquet"),
        ("/elsewhere/a.parquet", "file", "/elsewhere/a.parquet"),
        ("file:///elsewhere/a%20b.csv", "file", "/elsewhere/a b.csv"),
        ("postgresql://db/shop?table=orders", "postgres://db:5432", "shop.public.orders"),
        (
            "postgresql+psycopg://me:pw@db:6432/shop?table=sales.orders",
            "postgres://db:6432",
            "shop.sales.orders",
        ),
        ("postgres://me@[::1]/shop?table=o", "postgres://[::1]:5432", "shop.public.o"),
        ("postgresql:///shop?host=db&port=1&table=o", "postgres://db:1", "shop.public.o"),
        ("postgresql://me:${PW}@${HOST}/s?table=o", "postgres://${HOST}:5432", "s.public.o"),
        ("mysql+pymysql://me:pw@db/shop?table=orders", "mysql://db:3306", "shop.orders"),
        ("mssql://db/shop?table=orders", "mssql://db:1433", "shop.dbo.orders"),
        ("sqlite:///shop.db?table=orders", "sqlite", "churn/shop.db.orders"),
        ("sqlite:////elsewhere/shop.db?table=o", "sqlite", "/elsewhere/shop.db.o"),
        ("duckdb:///shop.duckdb#table=orders", "duckdb", "churn/shop.duckdb.orders"),
        ("s3://key:secret@bucket/a/b.parquet", "s3://bucket", "a/b.parquet"),
        ("https://host/a.csv?access_token=secret", "https://host", "a.csv"),
    ],
)
def test_a_data_set_is_named_by_the_rules_of_openlineage(
    address: str, namespace: str, name: str
) -> None:
    assert data_set_name(address, project="churn", root="/shops/churn") == (namespace, name)


def test_a_query_is_named_by_a_digest_as_its_text_may_hold_values() -> None:
    one = data_set_name("postgresql://db/shop?query=select+*+from+o+where+name='Bob'")
    other = data_set_name("postgresql://db/shop?query=select+*+from+o")
    assert one.name.startswith("shop.query-")
    assert one != other
    assert "Bob" not in one.name


def test_a_file_behind_a_link_to_the_project_is_a_file_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    name = data_set_name(str(tmp_path / "real" / "a.csv"), project="p", root=tmp_path / "link")
    assert name == ("file", "p/a.csv")


def _passwords(without: str) -> st.SearchStrategy[str]:
    signs = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=without)
    return st.text(signs, min_size=1).map(lambda text: f"PASS{text}WORD")


@given(
    written=st.one_of(
        st.tuples(st.sampled_from(["postgresql", "mysql+pymysql", "sqlite"]), _passwords("${}")),
        # Elsewhere a bare @ may as well be a part of the path.
        st.tuples(st.sampled_from(["s3", "https", "strange"]), _passwords("${}@")),
    )
)
def test_no_password_of_an_address_is_told_anywhere(written: tuple[str, str]) -> None:
    scheme, password = written
    address = f"{scheme}://me:{password}@db/shop?table=orders"
    known = {"data": DataSet(address=address, description=f"from {address}")}
    run = a_run(inputs={"data": "d", address: "e"}, parameters={"from": address})
    event = run_event(run, "FAIL", inputs=known, error=f"no answer from {address}")
    told = json.dumps(plain(event), ensure_ascii=False)
    assert "PASS" not in told
    assert "WORD" not in told


@pytest.mark.parametrize("number", range(6))
def test_every_event_is_one_to_the_official_client(number: int) -> None:
    from openlineage.client.serde import Serde

    event = every_event()[number]
    whole = plain(event)
    assert json.loads(Serde.to_json(client_event(event))) == whole
    told = dict(facets_of(whole))
    assert {"nominalTime", "processing_engine", "executionParameters", "jobType"} <= set(told)
    assert ("errorMessage" in told) == (event.event_type == "FAIL")
    if number < 3:
        both = {"schema", "version", "dataSource", "documentation", "columnLineage"}
        assert both | {"dataQualityMetrics", "datasetType", "outputStatistics"} <= set(told)


@pytest.mark.real
def test_the_lineage_of_a_real_table_is_one_to_the_official_client() -> None:
    path = real_data("churn/telco_churn.csv")
    frame = pl.read_csv(path, infer_schema_length=None)
    columns = tuple(
        Column(
            name=name,
            type="number" if kind.is_numeric() else "category",
            role={"customerID": "key", "Churn": "target"}.get(name, "feature"),  # type: ignore[arg-type]
        )
        for name, kind in frame.schema.items()
    )
    data = DataSet(
        address=str(path),
        schema=Schema(columns=columns),
        rows=frame.height,
        nulls={name: frame[name].null_count() for name in frame.columns},
    )
    event = run_event(
        a_run(), "COMPLETE", inputs={"data": data}, outputs={"model": DataSet(kind="model")}
    )
    told = dict(facets_of(plain(event)))
    assert told["dataQualityMetrics"].rowCount == 7043
    assert len(told["columnLineage"].fields["Churn"].inputFields) == frame.width - 2
