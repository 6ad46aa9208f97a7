"""A table in hand is checked and compared as it is: a frame, a path, or a project's folder."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import evermodel as em
from evermodel.errors import EvermodelError, InputError, ProjectError
from evermodel.loop.workspace import Workspace
from evermodel.tables import read
from tests.loop.shop import PROJECT, customers

Begin = Callable[..., Workspace]
ROWS = pl.DataFrame({"age": [31.0, float("inf"), 52.0, 44.0] * 30, "plan": ["a", "b"] * 60})


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = tmp_path / "elsewhere"
    away.mkdir()
    monkeypatch.chdir(away)


def test_a_frame_or_a_file_is_checked_without_any_project(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    ROWS.write_parquet(path)
    for data in (ROWS, path, str(path), ROWS.to_pandas(), ROWS.to_arrow()):
        report = em.check(data)
        assert report.find("infinite", "age").value == 30
    assert em.check(ROWS).subject == "a DataFrame"
    assert em.data_profile(ROWS).find("column", "plan").value == 2


def test_a_projects_folder_is_checked_however_it_is_named(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = begin(PROJECT, customers(200))
    root = workspace.project.root
    said = em.check(folder=root, thorough=False)
    assert said.find("rows").value == 200
    for again in (em.check(root, thorough=False), em.check(workspace, thorough=False)):
        assert again.results == said.results
    monkeypatch.chdir(root)
    assert em.check(thorough=False).results == said.results


def test_what_is_neither_a_table_nor_a_project_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        em.check()
    with pytest.raises(EvermodelError):
        em.check(tmp_path / "nothing.csv")
    with pytest.raises(EvermodelError):
        em.check(42)
    with pytest.raises(InputError, match="lies nowhere"):
        em.init(ROWS, target="plan")  # type: ignore[arg-type]


def test_a_version_is_compared_with_a_frame_and_named_by_a_number(begin: Begin) -> None:
    workspace = begin(PROJECT, customers(200))
    em.train(workspace)
    now = read(workspace.project.source).frame
    assert em.data_diff(1, now, workspace).facts["same"] is True
    assert em.data_diff(1, now.head(190), workspace).find("rows_removed").value == 10
    assert em.data_show(1, workspace).subject.startswith("1 (")


def test_two_frames_are_compared_without_a_project() -> None:
    after = ROWS.with_columns(plan=pl.lit("c"))
    found = em.data_diff(ROWS, after)
    assert found.find("column_changed", "plan").why == "new values: 'c'; gone: 'a', 'b'"
    assert found.subject == "a DataFrame and a DataFrame"
    with pytest.raises(EvermodelError):
        em.data_diff(1, ROWS)


def test_dates_of_birth_make_groups_of_years_and_no_group_for_each_day() -> None:
    from evermodel.loop.training import groups

    born = pl.Series([f"{1930 + n % 70}-03-11" for n in range(140)]).str.to_datetime()
    found = groups(pl.DataFrame({"born": [*born, None]}), ("born",))["born"]
    assert len(set(found)) == 6
    assert "-03-11" not in "".join(found)
