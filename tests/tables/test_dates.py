"""Dates as people write them: what is read as which day, what is said of it, what is none."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.bundle.dates import iso
from evermodel.bundle.manifest import DateOrder
from evermodel.project import Reading
from evermodel.tables.dates import convert_dates

_DAYS = [date(2024, 1, 1) + timedelta(days=5 * place) for place in range(60)]
_ENGLISH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_GERMAN = [
    *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August"),
    *("September", "Oktober", "November", "Dezember"),
]


def _read(tmp_path: Path, cells: list[str], **how: object) -> tables.Table:
    path = tmp_path / "table.csv"
    lines = [f'{place};"{cell}"' for place, cell in enumerate(cells)]
    path.write_text("\n".join(["row;x", *lines]) + "\n")
    return tables.read(path, **how)  # type: ignore[arg-type]


def _about(table: tables.Table) -> list[str]:
    return [note for note in table.understood.notes if note.startswith("x: ")]


def _midnights(days: list[date]) -> list[datetime]:
    return [datetime(day.year, day.month, day.day) for day in days]


@pytest.mark.parametrize(
    ("form", "order"),
    [
        ("%d.%m.%y", "day first"),
        ("%d/%m/%y", "day first"),
        ("%m/%d/%y", "month first"),
        ("%m-%d-%y", "month first"),
        ("%d.%m.%Y", "day first"),
        ("%Y/%m/%d", "year first"),
    ],
)
def test_the_order_of_dates_is_told_by_the_whole_column(
    tmp_path: Path, form: str, order: DateOrder
) -> None:
    table = _read(tmp_path, [day.strftime(form) for day in _DAYS])
    assert table.frame["x"].to_list() == _midnights(_DAYS)
    assert table.understood.columns[1].dates == order
    said = [note for note in _about(table) if order in note]
    assert bool(said) == (order != "year first")


def test_years_of_two_digits_are_those_of_posix_and_that_is_said(tmp_path: Path) -> None:
    cells = ["31.12.68", "31.12.69", "31.12.99", "31.12.00", "31.12.24"]
    table = _read(tmp_path, cells)
    assert table.frame["x"].dt.year().to_list() == [2068, 1969, 1999, 2000, 2024]
    assert any("taken as 1969 to 2068 (set reading.first_year" in note for note in _about(table))
    born = _read(tmp_path, cells, reading=Reading(first_year=1925))
    assert born.frame["x"].dt.year().to_list() == [1968, 1969, 1999, 2000, 2024]


def test_years_of_two_digits_before_dashes_are_read_where_nothing_else_fits(tmp_path: Path) -> None:
    days = [date(1999, 12, 31), date(1998, 3, 1), date(2024, 5, 6)]
    table = _read(tmp_path, [day.strftime("%y-%m-%d") for day in days])
    assert table.frame["x"].to_list() == _midnights(days)
    assert table.understood.columns[1].dates == "year first"


def test_a_year_that_may_stand_first_or_last_is_never_guessed(tmp_path: Path) -> None:
    cells = ["24-03-15", "23-11-02", "22-07-28"]
    table = _read(tmp_path, cells)
    assert table.frame["x"].to_list() == cells
    assert "years of two digits may stand first or last" in table.understood.columns[1].doubt
    told = _read(tmp_path, cells, reading=Reading(dates="year first"))
    assert told.frame["x"][0] == datetime(2024, 3, 15)
    slashed = _read(tmp_path, ["24/03/15", "23/11/02"], reading=Reading(dates="year first"))
    assert slashed.frame["x"][0] == datetime(2024, 3, 15)
    other = _read(tmp_path, cells, reading=Reading(dates="day first"))
    assert other.frame["x"][0] == datetime(2015, 3, 24)


@pytest.mark.parametrize("mark", ["-", "/", "."])
def test_an_impossible_day_is_no_proof_that_the_year_stands_first(
    tmp_path: Path, mark: str
) -> None:
    cells = [day.strftime(f"%d{mark}%m{mark}%y") for day in _DAYS]
    cells[3] = f"31{mark}02{mark}24"
    assert _read(tmp_path, cells).schema.columns[1].type == "category"
    told = _read(
        tmp_path,
        cells,
        types={"x": "timestamp"},
        reading=Reading(dates="day first"),
        misfits=tables.Misfits(),
    )
    assert told.misfits.shown == {"x": [(5, cells[3])]}
    assert told.frame["x"][4] == _midnights(_DAYS)[4]


def test_days_and_months_that_nothing_tells_apart_are_said_to_be_so(tmp_path: Path) -> None:
    table = _read(tmp_path, ["01/02/24", "03/04/24", "11/12/23"])
    assert any("day and month cannot be told apart" in note for note in _about(table))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("3 Mar 2024", datetime(2024, 3, 3)),
        ("3. März 2024", datetime(2024, 3, 3)),
        ("März 5, 2024", datetime(2024, 3, 5)),
        ("2024-Mar-03", datetime(2024, 3, 3)),
        ("03-MAR-24", datetime(2024, 3, 3)),
        ("5 Sept. 2024", datetime(2024, 9, 5)),
        ("31.Dez.2025", datetime(2025, 12, 31)),
        ("31.12.2024 14.30 Uhr", datetime(2024, 12, 31, 14, 30)),
        ("31.12.2024 14.30.05", datetime(2024, 12, 31, 14, 30, 5)),
        ("31.12.2024 14:30 Uhr", datetime(2024, 12, 31, 14, 30)),
        ("31/12/2024, 2:30 PM", datetime(2024, 12, 31, 14, 30)),
        ("31/12/2024 12:30 a.m.", datetime(2024, 12, 31, 0, 30)),
        ("31.12.24 14:30:05.5", datetime(2024, 12, 31, 14, 30, 5, 500_000)),
    ],
)
def test_names_of_months_and_times_are_read_alike_in_files_and_requests(
    tmp_path: Path, text: str, time: datetime
) -> None:
    table = _read(tmp_path, [text, text])
    assert table.frame["x"].to_list() == [time, time]
    assert datetime.fromisoformat(iso(text, "day first")) == time


def test_several_ways_of_writing_are_said_with_an_example_of_each(tmp_path: Path) -> None:
    cells = [day.strftime("%d.%m.%Y") for day in _DAYS]
    cells[7], cells[9] = "2024-02-05", "15. Feb 2024"
    table = _read(tmp_path, cells)
    assert table.frame["x"].to_list() == _midnights(_DAYS)
    (note,) = [note for note in _about(table) if "written in 3 ways" in note]
    assert "'01.01.2024' (line 2) and 57 more" in note
    assert "'2024-02-05' (line 9)" in note


def test_days_of_a_spreadsheet_among_dates_are_read_and_said(tmp_path: Path) -> None:
    cells = [day.strftime("%d.%m.%Y") for day in _DAYS]
    cells[3], cells[5] = "45321", "45321.5"
    table = _read(tmp_path, cells)
    assert table.frame["x"][3] == datetime(2024, 1, 30)
    assert table.frame["x"][5] == datetime(2024, 1, 30, 12)
    assert any("2 numbers among dates: read as days" in note for note in _about(table))


@pytest.mark.parametrize("odd", ["22321", "2024", "20240131", "453210"])
def test_numbers_that_are_no_such_days_keep_the_column_as_it_is(tmp_path: Path, odd: str) -> None:
    cells = [day.strftime("%d.%m.%Y") for day in _DAYS]
    cells[3] = odd
    table = _read(tmp_path, cells)
    assert table.schema.columns[1].type == "category"
    told = _read(tmp_path, cells, types={"x": "timestamp"}, misfits=tables.Misfits())
    assert told.misfits.shown == {"x": [(5, odd)]}


def test_a_few_impossible_dates_do_not_turn_the_order_of_the_others(tmp_path: Path) -> None:
    cells = [day.strftime("%m/%d/%Y") for day in _DAYS]
    cells[3], cells[30], cells[40] = "02/31/2024", "soon", "13/13/2024"
    table = _read(tmp_path, cells, types={"x": "timestamp"}, misfits=tables.Misfits(most=0.1))
    good = [place for place in range(60) if place not in (3, 30, 40)]
    assert table.frame["x"][good].to_list() == _midnights([_DAYS[place] for place in good])
    assert [text for _, text in table.misfits.shown["x"]] == ["02/31/2024", "soon", "13/13/2024"]


def test_what_a_file_leaves_open_is_read_as_it_was_before(tmp_path: Path) -> None:
    before = _read(tmp_path, [day.strftime("%d/%m/%y") for day in _DAYS]).understood
    like = {one.name: one for one in before.columns}
    later = _read(tmp_path, ["03/04/24", "05/06/24"], types={"x": "timestamp"}, like=like)
    assert later.frame["x"].to_list() == [datetime(2024, 4, 3), datetime(2024, 6, 5)]


def test_decimal_marks_that_a_file_leaves_open_are_read_as_they_were_before(tmp_path: Path) -> None:
    before = _read(tmp_path, ["1.234,50", "0,25"]).understood
    like = {one.name: one for one in before.columns}
    later = _read(tmp_path, ["1.234", "2.500"], types={"x": "number"}, like=like)
    assert later.frame["x"].to_list() == [1234, 2500]


_ORDERS: tuple[DateOrder, ...] = ("year first", "day first", "month first")
_FORMS: dict[DateOrder, list[str]] = {
    "day first": ["{d:02}.{m:02}.{y}", "{d}/{m}/{y}", "{d:02}.{m:02}.{s}", "{d}-{m}-{s}"],
    "month first": ["{m:02}/{d:02}/{y}", "{m}/{d}/{s}", "{m:02}-{d:02}-{s}"],
    "year first": ["{y}-{m:02}-{d:02}", "{y}/{m}/{d}", "{s}-{m:02}-{d:02}", "{s}/{m}/{d}"],
}
_NAMED = ["{d} {e} {y}", "{d}. {g} {y}", "{g} {d}, {y}", "{y}-{e}-{d:02}", "{d:02}-{e}-{s}"]
_TIMES = [
    ("", timedelta()),
    (" 14:30", timedelta(hours=14, minutes=30)),
    (", 2:30 PM", timedelta(hours=14, minutes=30)),
    (" 07.05 Uhr", timedelta(hours=7, minutes=5)),
    (" 07:05:09.25", timedelta(hours=7, minutes=5, seconds=9.25)),
]


@settings(deadline=None, max_examples=300)
@given(
    st.dates(date(1969, 1, 1), date(2068, 12, 31)),
    st.sampled_from([(o, f) for o in _ORDERS for f in (*_FORMS[o], *_NAMED)]),
    st.sampled_from(_TIMES),
)
def test_a_date_in_any_form_reads_back_as_that_date(
    day: date, form: tuple[DateOrder, str], time: tuple[str, timedelta]
) -> None:
    order, pattern = form
    e, g = _ENGLISH[day.month - 1], _GERMAN[day.month - 1]
    text = pattern.format(d=day.day, m=day.month, y=day.year, s=f"{day:%y}", e=e, g=g) + time[0]
    moment = datetime(day.year, day.month, day.day) + time[1]
    assert convert_dates(pl.Series([text]), order).to_list() == [moment]
    assert datetime.fromisoformat(iso(text, order)) == moment


@settings(deadline=None, max_examples=500)
@given(
    st.from_regex(
        r"[0-9]{1,4}[-/. ]{1,2}([0-9]{1,3}|[A-Za-zä]{3,5})[-/. ,]{1,2}[0-9]{1,4}"
        r"( [0-9]{1,2}[:.][0-9]{1,2}( [AP]M| Uhr)?)?",
        fullmatch=True,
    ),
    st.sampled_from(_ORDERS),
)
def test_files_and_requests_agree_on_what_is_no_date(text: str, order: DateOrder) -> None:
    (found,) = convert_dates(pl.Series([text.strip()]), order).to_list()
    try:
        asked = datetime.fromisoformat(iso(text.strip(), order))
    except ValueError:
        assert found is None
    else:
        assert found == asked


@pytest.mark.parametrize("order", ["", *_ORDERS])
@pytest.mark.parametrize(
    "text", ["20240131", "2024-W05", "2024-W05-1", "0300-01-01", "2024-01-3100", "20240131T10"]
)
def test_a_request_reads_no_time_that_a_file_does_not(text: str, order: DateOrder) -> None:
    assert convert_dates(pl.Series([text]), order or "year first").to_list() == [None]
    with pytest.raises(ValueError, match=text):
        iso(text, order)


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 31), st.integers(1, 12), st.integers(1970, 2068), st.sampled_from(_ORDERS))
def test_a_day_that_does_not_exist_is_no_date_in_any_form(
    day: int, month: int, year: int, order: DateOrder
) -> None:
    try:
        date(year, month, day)
    except ValueError:
        for form in (*_FORMS[order], *_NAMED):
            names = {"e": _ENGLISH[month - 1], "g": _GERMAN[month - 1]}
            text = form.format(d=day, m=month, y=year, s=f"{year % 100:02}", **names)
            assert convert_dates(pl.Series([text]), order).to_list() == [None]
