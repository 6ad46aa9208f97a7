"""Lineage as others read it: the official client, a lineage server, and after a crash."""

import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.errors import DataError
from evermodel.records import Column, Run, Schema
from evermodel.store.lineage import DataSet, Lineage, lineage, run_event, run_uuid, send
from evermodel.store.lineage_log import append_event, client_event
from evermodel.store.openlineage import RunEvent, data_set_name
from tests.disk import fill, mounted
from tests.real import real_data
from tests.store.lineage_client import facets_of, serving

SHOP = Schema(
    columns=(
        Column(name="customer", type="text", role="key"),
        Column(name="größe", type="number"),
        Column(name="plan", type="category"),
        Column(name="left", type="boolean", role="target"),
    )
)
DATA = DataSet(
    address="data/orders.csv",
    schema=SHOP,
    rows=120,
    nulls={"plan": 3},
    description="the shop's customers",
)


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE_")]:
        monkeypatch.delenv(name)


def _run(**changes: Any) -> Run:
    run = Run(
        id="0123456789abcdef0123456789abcdef",
        verb="train",
        project="churn",
        started="2026-11-03T09:00:00.000000Z",
        seconds=90.5,
        seed=7,
        inputs={"data": "d1"},
        outputs={"model": "m1"},
        parameters={"model": "lightgbm", "depth": 3, "db_password": "hush", "weights": [1, 2]},
        code="c1",
        environment="e1",
    )
    return msgspec.structs.replace(run, **changes)


def _events() -> list[RunEvent]:
    """Return every kind of event, with all that can be told and with nothing of it."""
    known: dict[str, Any] = {
        "inputs": {"data": DATA},
        "outputs": {"model": DataSet(kind="model"), "scores": DataSet(address="s.csv", rows=9)},
    }
    bare = _run(id="run 1", inputs={}, outputs={}, parameters={}, code="", environment="")
    return [
        run_event(_run(), "START", **known),
        run_event(_run(), "COMPLETE", **known),
        run_event(_run(), "FAIL", **known, error=ValueError("somebody's value")),
        run_event(bare, "START"),
        run_event(bare, "COMPLETE"),
        run_event(bare, "FAIL"),
    ]


def _plain(event: RunEvent) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(msgspec.json.encode(event))
    return plain


def test_a_run_is_told_with_its_times_its_job_and_its_versions() -> None:
    start, complete, fail = _events()[:3]
    assert (start.event_type, start.event_time) == ("START", "2026-11-03T09:00:00.000000Z")
    assert (complete.event_type, complete.event_time) == ("COMPLETE", "2026-11-03T09:01:30.500000Z")
    assert fail.event_type == "FAIL"
    plain = _plain(complete)
    assert plain["schemaURL"].endswith("/spec/2-0-2/OpenLineage.json#/$defs/RunEvent")
    assert plain["run"]["runId"] == "01234567-89ab-cdef-0123-456789abcdef"
    assert (plain["job"]["namespace"], plain["job"]["name"]) == ("evermodel", "churn.train")
    (data,), (model, scores) = plain["inputs"], plain["outputs"]
    assert (data["namespace"], data["name"]) == ("file", "churn/data/orders.csv")
    assert data["facets"]["version"]["datasetVersion"] == "d1"
    assert (model["namespace"], model["name"]) == ("evermodel", "churn.model")
    assert model["facets"]["version"]["datasetVersion"] == "m1"
    assert model["facets"]["datasetType"]["datasetType"] == "MODEL"
    assert scores["outputFacets"]["outputStatistics"]["rowCount"] == 9


def test_an_input_tells_its_columns_rows_and_gaps() -> None:
    data = _plain(_events()[1])["inputs"][0]
    fields = data["facets"]["schema"]["fields"]
    assert [(one["name"], one["type"]) for one in fields][1] == ("größe", "number")
    quality = data["inputFacets"]["dataQualityMetrics"]
    assert (quality["rowCount"], quality["columnMetrics"]) == (120, {"plan": {"nullCount": 3}})
    assert data["facets"]["documentation"]["description"] == "the shop's customers"


def test_a_model_predicts_its_target_from_the_features_alone() -> None:
    lineage_of = _plain(_events()[1])["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert list(lineage_of) == ["left"]
    named = [(one["name"], one["field"]) for one in lineage_of["left"]["inputFields"]]
    assert named == [("churn/data/orders.csv", "größe"), ("churn/data/orders.csv", "plan")]


def test_parameters_seed_and_digests_are_told_and_a_secret_is_not() -> None:
    facets = _plain(_events()[0])["run"]["facets"]
    told = {one["key"]: one["value"] for one in facets["executionParameters"]["parameters"]}
    assert told["parameters.depth"] == "3"
    assert told["parameters.weights"] == "[1,2]"
    assert (told["seed"], told["code"], told["environment"]) == ("7", "c1", "e1")
    assert told["parameters.db_password"] == "***"


def test_why_a_run_failed_is_told_without_anybodys_value(tmp_path: Path) -> None:
    def said(error: BaseException | str) -> str:
        event = _plain(run_event(_run(), "FAIL", error=error, root=tmp_path))
        return str(event["run"]["facets"]["errorMessage"]["message"])

    own = DataError("a date is none", where=str(tmp_path / "a.csv"), found="Bob, 1.1.70")
    assert said(own) == "DataError: a date is none (a.csv)"
    assert said(ValueError("Bob")) == "ValueError"
    assert said("no answer from postgresql://me:secret@db/x\nTraceback") == (
        "no answer from postgresql://me:***@db/x"
    )
    assert said("") == "it did not say why"


def test_an_id_that_is_no_uuid_becomes_always_the_same_one() -> None:
    one, again = run_uuid(_run(id="monday")), run_uuid(_run(id="monday"))
    assert one == again == str(uuid.UUID(one))
    assert uuid.UUID(one).version == 5
    assert one != run_uuid(_run(id="tuesday"))
    assert one != run_uuid(_run(id="monday", project="bike"))


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
    run = _run(inputs={"data": "d", address: "e"}, parameters={"from": address})
    event = run_event(run, "FAIL", inputs=known, error=f"no answer from {address}")
    told = json.dumps(_plain(event), ensure_ascii=False)
    assert "PASS" not in told
    assert "WORD" not in told


@pytest.mark.parametrize("number", range(6))
def test_every_event_is_one_to_the_official_client(number: int) -> None:
    from openlineage.client.serde import Serde

    event = _events()[number]
    plain = _plain(event)
    assert json.loads(Serde.to_json(client_event(event))) == plain
    told = dict(facets_of(plain))
    assert {"nominalTime", "processing_engine", "executionParameters", "jobType"} <= set(told)
    assert ("errorMessage" in told) == (event.event_type == "FAIL")
    if number < 3:
        both = {"schema", "version", "dataSource", "documentation", "columnLineage"}
        assert both | {"dataQualityMetrics", "datasetType", "outputStatistics"} <= set(told)


def test_what_the_official_client_writes_to_the_file_is_read_with_ours(tmp_path: Path) -> None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    start, complete = _events()[:2]
    kept = Lineage(tmp_path, "churn")
    assert kept.emit(complete) == ""
    place = FileTransport(FileConfig(log_file_path=str(kept.path), append=True))
    OpenLineageClient(transport=place).emit(client_event(start))
    read = lineage(tmp_path)
    assert [event.event_type for event in read] == ["START", "COMPLETE"]
    assert read[1] == complete
    assert read[0].inputs == start.inputs
    assert read[0].run.run_id == start.run.run_id


def test_a_server_gets_what_the_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    with serving(monkeypatch, key="k1") as server:
        kept = Lineage(tmp_path, "churn")
        assert [kept.emit(event) for event in _events()] == [""] * 6
        lines = kept.path.read_text(encoding="utf-8").splitlines()
        assert [body for _, _, body in server.got] == [json.loads(line) for line in lines]
        assert {(path, key) for path, key, _ in server.got} == {
            ("/api/v1/lineage", "Bearer k1"),
        }
        set_here = {"OPENLINEAGE_URL": server.url, "OPENLINEAGE_API_KEY": "k1"}
        assert dict(os.environ) == {**before, **set_here}


def test_the_official_client_sends_our_events_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    with serving(monkeypatch) as server:
        client = OpenLineageClient(transport=HttpTransport(HttpConfig(url=server.url)))
        client.emit(client_event(_events()[1]))
        client.close()
        (path, _, body), sent = server.got[0], _plain(_events()[1])
        assert path == "/api/v1/lineage"
        assert (body["inputs"], body["outputs"]) == (sent["inputs"], sent["outputs"])


def test_nothing_is_sent_where_no_server_is_set_or_lineage_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(monkeypatch) as server:
        monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
        assert send(_events()) == ""
        monkeypatch.delenv("OPENLINEAGE_DISABLED")
        monkeypatch.delenv("OPENLINEAGE_URL")
        assert send(_events()) == ""
        assert server.got == []


def test_a_server_that_refuses_is_told_of_and_the_events_can_be_sent_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(monkeypatch) as server:
        server.status = 503
        kept = Lineage(tmp_path, "churn")
        said = kept.emit(_events()[0])
        assert said == (
            f"the lineage server refused the event (HTTP 503); it is kept in {kept.path}"
        )
        assert len(server.got) == 1
        server.status = 201
        assert send(lineage(tmp_path)) == ""
        assert server.got[1][2] == _plain(_events()[0])


def test_a_server_that_is_away_costs_no_run_and_its_password_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("http://me:secret@127.0.0.1:9", "http://secret@127.0.0.1:9", "no address"):
        monkeypatch.setenv("OPENLINEAGE_URL", url)
        said = Lineage(tmp_path, "churn").emit(_events()[0])
        assert "cannot be reached" in said
        assert "it is kept in" in said
        assert "secret" not in said
    assert len(lineage(tmp_path)) == 3


@pytest.mark.parametrize("pause", [0.2, 30.0], ids=["a byte now and then", "silence"])
def test_a_server_that_dawdles_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    with serving(monkeypatch) as server:
        assert Lineage(tmp_path / "first", "churn").emit(_events()[0]) == ""
        server.pause = pause
        begun = time.monotonic()
        said = Lineage(tmp_path, "churn", patience=0.5).emit(_events()[0])
        assert time.monotonic() - begun < 20
        assert "lineage server" in said
        assert len(lineage(tmp_path)) == 1


def test_without_the_client_the_event_is_kept_and_the_missing_part_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "openlineage.client.transport.http", None)
    said = Lineage(tmp_path, "churn").emit(_events()[0])
    assert "pip install 'evermodel[lineage]'" in said
    assert len(lineage(tmp_path)) == 1


def test_the_file_alone_needs_neither_the_client_nor_a_table_library() -> None:
    code = "import sys, evermodel.store.lineage; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"openlineage", "requests", "attr", "polars", "numpy", "pyarrow", "yaml"}
    assert not heavy & set(done.stdout.split())


def test_a_line_cut_anywhere_is_passed_over_and_mended_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "lineage" / "churn.jsonl"
    first, second, third = _events()[:3]
    append_event(path, first)
    begin = path.stat().st_size
    append_event(path, second)
    whole = path.read_bytes()
    for cut in {*range(begin, len(whole), 97), begin + 1, len(whole) - 2, len(whole) - 1}:
        path.write_bytes(whole[:cut])
        assert lineage(tmp_path) == [first]
        append_event(path, third)
        # The whole event was there and only its end was not: it is kept.
        saved = [second] if cut == len(whole) - 1 else []
        assert lineage(tmp_path) == [first, *saved, third]
        assert path.read_bytes().endswith(b"\n")


def test_a_torn_line_longer_than_one_look_back_is_cut_off_whole(tmp_path: Path) -> None:
    path = tmp_path / "lineage" / "churn.jsonl"
    append_event(path, _events()[0])
    with path.open("ab") as file:
        file.write(b'{"eventType":"' + b"x" * 300_000)
    append_event(path, _events()[1])
    assert lineage(tmp_path) == _events()[:2]
    assert path.read_bytes().count(b"\n") == 2
    assert path.read_bytes().endswith(b"}\n")


def test_a_line_that_is_no_event_is_passed_over_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "lineage" / "churn.jsonl"
    append_event(path, _events()[0])
    with path.open("ab") as file:
        file.write(b'{"eventType": "START"}\n\xff\xfe\n\n')
    append_event(path, _events()[1])
    assert lineage(tmp_path) == _events()[:2]
    assert [record.getMessage().split(" ")[0] for record in caplog.records] == [
        f"{path}:2",
        f"{path}:3",
    ]


def _write_many(folder: str, worker: int, start: Any) -> None:
    start.wait(120)
    for number in range(25):
        run = _run(id=f"{worker}-{number}")
        append_event(Path(folder, "lineage", "churn.jsonl"), run_event(run, "START"), patience=60)


def test_writers_side_by_side_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    workers = [
        context.Process(target=_write_many, args=(str(tmp_path), number, start))
        for number in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    told = {event.run.run_id for event in lineage(tmp_path)}
    wanted = {run_uuid(_run(id=f"{w}-{n}")) for w in range(3) for n in range(25)}
    assert told == wanted
    assert len(lineage(tmp_path)) == 75


def test_nobody_writes_while_another_one_does(tmp_path: Path) -> None:
    kept = Lineage(tmp_path, "churn", patience=0.05)
    kept.emit(_events()[0])
    before = kept.path.read_bytes()
    with kept.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        said = kept.emit(_events()[1])
        assert "another program holds the lineage file and does not let go" in said
        assert kept.path.read_bytes() == before
    assert kept.emit(_events()[1]) == ""
    assert lineage(tmp_path) == _events()[:2]


_FOR_EVER = """
import sys
from pathlib import Path
from evermodel.records import Run
from evermodel.store.lineage import run_event
from evermodel.store.lineage_log import append_event
number = 0
while True:
    run = Run(id=str(number), verb="train", project="churn", started="2026-11-03T09:00:00Z")
    append_event(Path(sys.argv[1], "lineage", "churn.jsonl"), run_event(run, "START"))
    print(number, flush=True)
    number += 1
"""


def test_a_writer_killed_at_any_moment_leaves_all_that_it_has_acknowledged(tmp_path: Path) -> None:
    for wait in (0.0, 0.013, 0.051):
        folder = tmp_path / str(wait)
        command = [sys.executable, "-c", _FOR_EVER, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
            said = [0, *(int(line) for line in writer.stdout.read().split())]
        append_event(folder / "lineage" / "churn.jsonl", _events()[0])
        told = {event.run.run_id for event in lineage(folder)}
        assert {run_uuid(_run(id=str(number))) for number in said} <= told
        assert len(told) in (len(said) + 1, len(said) + 2)


def test_a_full_disk_costs_the_run_nothing_and_tears_no_line(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk") as folder:
        kept = Lineage(folder, "churn")
        assert kept.emit(_events()[0]) == ""
        ballast = fill(folder)
        wide = {f"{number:04}": number for number in range(1000)}
        said = kept.emit(run_event(_run(parameters=wide), "START"))
        assert said.startswith("the lineage of this run is not kept: there is no space left")
        assert lineage(folder) == [_events()[0]]
        ballast.unlink()
        assert kept.emit(_events()[1]) == ""
        assert lineage(folder) == _events()[:2]


def test_a_place_that_cannot_be_written_costs_the_run_nothing(tmp_path: Path) -> None:
    (tmp_path / "lineage").write_text("a file where the folder should be")
    said = Lineage(tmp_path, "churn").emit(_events()[0])
    assert said.startswith("the lineage of this run is not kept")


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
        _run(), "COMPLETE", inputs={"data": data}, outputs={"model": DataSet(kind="model")}
    )
    told = dict(facets_of(_plain(event)))
    assert told["dataQualityMetrics"].rowCount == 7043
    assert len(told["columnLineage"].fields["Churn"].inputFields) == frame.width - 2
