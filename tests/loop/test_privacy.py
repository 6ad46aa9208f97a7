"""What is kept of a look at data: counts and rows, no person's value and no password."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evermodel.errors import DataError, SurroundingsError, masked
from evermodel.loop.beginning import check, init
from evermodel.loop.doctor import doctor
from evermodel.loop.telling import status
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace
from evermodel.report.text import results_text
from tests.loop.shop import PROJECT, customers
from tests.postgres import PASSWORD

SECRET = "p@ss-w0rd"


def _kept(root: Path) -> bytes:
    """Return the bytes of everything in a workspace, but for the data themselves."""
    files = [p for p in root.rglob("*") if p.is_file() and "tables" not in p.parts]
    return b"".join(path.read_bytes() for path in files if path.suffix != ".parquet")


def _database(folder: Path) -> Path:
    place = folder / f"{SECRET}.db"
    with sqlite3.connect(place) as base:
        base.execute(
            "create table people (customer text, amount real, visits int, plan text, churned text)"
        )
        base.executemany("insert into people values (?, ?, ?, ?, ?)", customers(400).rows())
    base.close()
    return place


def test_a_variable_in_an_address_is_filled_in_to_connect_and_nowhere_else(
    begin: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _database(tmp_path)
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    source = f"sqlite:///{tmp_path}/${{SHOP_PASSWORD}}.db?table=people"
    text = PROJECT.replace('"customers.csv"', f'"{source}"')
    workspace = begin(text)
    report = train(workspace)
    assert report.facts["run"]
    found = check(folder=workspace.project.root)
    assert found.subject == source
    assert SECRET.encode() not in _kept(workspace.root)
    said = [found, doctor(workspace.project.root), status(workspace), report]
    assert SECRET not in "".join(repr(each) for each in said)


def test_a_variable_that_is_not_set_is_named(
    begin: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    source = "postgresql://me:${SHOP_PASSWORD}@db/shop?table=people"
    workspace = begin(PROJECT.replace('"customers.csv"', f'"{source}"'))
    with pytest.raises(DataError, match="SHOP_PASSWORD is not set"):
        train(workspace)


def test_a_password_that_was_written_out_is_masked_wherever_it_could_be_kept(
    begin: Callable[..., Workspace], capfd: pytest.CaptureFixture[str]
) -> None:
    source = "mysql+nothing://me:hunter2@127.0.0.1:1/shop?table=people"
    workspace = begin(PROJECT.replace('"customers.csv"', f'"{source}"'))
    with pytest.raises(DataError) as caught:
        train(workspace)
    assert "hunter2" not in str(caught.value)
    workspace.record("noted", {"where": source})
    assert workspace.events("noted")[0].body["where"].startswith("mysql+nothing://me:***@")
    assert "hunter2" not in repr(doctor(workspace.project.root))
    assert b"hunter2" not in _kept(workspace.root)
    assert "hunter2" not in "".join(capfd.readouterr())


_signs = st.characters(exclude_categories=("C", "Z"))
_passwords = st.text(_signs, min_size=1).filter(lambda text: not text.startswith("${"))


def _without(signs: str) -> st.SearchStrategy[str]:
    return _passwords.filter(lambda text: not set(signs) & set(text))


@given(_passwords)
@example("pa'ss")
@example('pa"ss')
@example("p@ss@word")
@example("p@ss?word")
@example("pa/ss?word#1")
@example("12/34")
@example("x@db:5432/shop?table=a")
def test_a_password_of_any_signs_is_masked(password: str) -> None:
    address = "could not reach 'postgresql://me:{}@db:5432/shop?table=people', try again"
    assert masked(address.format(password)) == address.format("***")


@given(_without("@").filter(lambda text: re.match(r"\d*(?:[/?#]|$)", text) is None))
def test_a_password_in_an_address_of_the_web_is_masked_and_a_port_is_none(password: str) -> None:
    address = "https://me:{}@shop.example:8000/orders.csv"
    assert masked(address.format(password)) == address.format("***")


@pytest.mark.parametrize(
    "key", ["password", "sslpassword", "pwd", "access_token", "api_key", "apikey", "secret", "sig"]
)
@given(_without("&#"))
@example("pa'ss")
def test_a_secret_among_the_parameters_of_an_address_is_masked(key: str, password: str) -> None:
    address = "https://shop.example/orders.csv?year=2026&{}={}&page=1"
    assert masked(address.format(key, password)) == address.format(key, "***")


def test_what_is_no_secret_of_an_address_stays() -> None:
    for plain in (
        "http://127.0.0.1:8000/data@v1.csv?token_count=3",
        "https://shop.example/orders@2026.csv?table=passwords",
        "postgresql://me:${SHOP_PASSWORD}@db/shop?password=${OTHER}",
        "write to me@shop.example: password=",
    ):
        assert masked(plain) == plain


def test_a_password_is_masked_within_its_own_text_and_no_other(
    begin: Callable[..., Workspace],
) -> None:
    workspace = begin()
    body = {"where": "http://host:pa", "who": 'me"@x', "source": ["postgresql://me:p'w@db/x"]}
    workspace.record("noted", body)
    kept = {**body, "source": ["postgresql://me:***@db/x"]}
    assert workspace.events("noted")[0].body == kept


@pytest.mark.filterwarnings("ignore:Query string argument")
def test_init_writes_a_variable_in_the_place_of_a_password(tmp_path: Path) -> None:
    place = _database(tmp_path)
    address = f"sqlite:///{place}?table=people&password=hunter2"
    report = init(address, target="churned", folder=tmp_path / "project")
    text = (tmp_path / "project" / "evermodel.toml").read_text()
    assert "hunter2" not in text + repr(report)
    assert "password=${EVERMODEL_PASSWORD}" in text
    told = report.find("password")
    assert (told.verdict, "EVERMODEL_PASSWORD" in told.why) == ("warn", True)


def test_a_value_of_a_row_is_shown_in_the_terminal_and_kept_nowhere(
    begin: Callable[..., Workspace],
) -> None:
    rows = customers(300).with_columns(
        pl.when(pl.int_range(pl.len()) == 7)
        .then(float("inf"))
        .when(pl.int_range(pl.len()) == 9)
        .then(-77123.25)
        .otherwise(pl.col("amount"))
        .alias("amount")
    )
    workspace = begin(rows=rows)
    shown = check(folder=workspace.project.root)
    assert "inf" in results_text(shown.results)
    assert "row 7" in results_text(shown.results)
    train(workspace)
    (event,) = workspace.events("data_refused")
    kept = workspace.report(event.body["report"])
    found = kept.find("infinite", "amount")
    assert (found.value, found.evidence["rows"]) == (1, [7])
    assert all("examples" not in result.evidence for result in kept.results)
    assert "77123" not in event.body["reason"] + repr(kept)


def test_two_spellings_are_examples_and_not_a_reason(begin: Callable[..., Workspace]) -> None:
    rows = customers(300).with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0)
        .then(pl.col("plan") + ".")
        .otherwise(pl.col("plan"))
        .alias("plan")
    )
    found = check(folder=begin(rows=rows)).find("spelling", "plan")
    assert "basic" not in found.why
    assert "basic" in repr(found.evidence["examples"])


def test_how_a_job_failed_is_kept_without_what_was_found(begin: Callable[..., Workspace]) -> None:
    workspace = begin()
    with pytest.raises(DataError), workspace.job("train"):
        raise DataError("a value is no number", where="line 3", found="Maria Muster")
    with pytest.raises(ValueError, match="Maria"), workspace.job("train"):
        raise ValueError("Maria Muster")
    assert b"a value is no number (line 3)" in _kept(workspace.root)
    assert b"Maria" not in _kept(workspace.root)


def test_a_database_that_asks_for_a_password_gets_it_and_nobody_else_does(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute(
            "create table visits as select i as id, i % 7 as visits,"
            " case when i % 7 + i % 3 > 4 then 'yes' else 'no' end as left_us"
            " from generate_series(1, 400) i"
        )
    address = f"{postgres}?table=visits"
    init(address, target="left_us", folder=tmp_path)
    assert PASSWORD not in (tmp_path / "evermodel.toml").read_text()
    monkeypatch.setenv("EVERMODEL_PASSWORD", PASSWORD)
    assert train(tmp_path).verdict == "pass"
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or PASSWORD.encode() not in path.read_bytes(), path
    monkeypatch.setenv("EVERMODEL_PASSWORD", "another-secret")
    with pytest.raises(SurroundingsError) as caught:
        check(folder=tmp_path)
    assert "another-secret" not in f"{caught.value} {caught.value.found} {caught.value.where}"
