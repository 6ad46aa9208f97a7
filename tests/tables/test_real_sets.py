"""The real sets are read as their READMEs say, without a word from the user."""

import polars as pl
import pytest

from evermodel import tables
from evermodel.project import Repair
from tests.real import real_data

pytestmark = pytest.mark.real

ROWS = {
    "churn/telco_churn.csv": (7043, 21),
    "pm25/beijing_pm25.csv": (43824, 13),
    "bike/hour.csv": (17379, 17),
    "sms/sms_spam.csv": (5574, 2),
    "banking77/train.csv": (10003, 2),
    "banking77/test.csv": (3080, 2),
    "weather/noaa_bellevue.csv": (18159, 9),
    "credit/german_credit.csv": (1000, 21),
    "beers/dirty.csv": (2410, 11),
    "beers/clean.csv": (2410, 11),
    "flights/dirty.csv": (2376, 7),
    "flights/clean.csv": (2376, 7),
    "hospital/dirty.csv": (1000, 20),
    "hospital/clean.csv": (1000, 20),
    "rayyan/dirty.csv": (1000, 11),
    "rayyan/clean.csv": (1000, 11),
    "adult/adult.parquet": (48842, 16),
    "credit/default_credit_card.parquet": (30000, 25),
    "elec2/elec2.parquet": (45312, 9),
    "acs/acs_gov_2018.parquet": (204309, 17),
    "retail/online_retail.parquet": (541909, 8),
}


@pytest.mark.parametrize("name", ROWS)
def test_every_row_of_a_real_set_is_read(name: str) -> None:
    table = tables.read(real_data(name))
    assert table.frame.shape == ROWS[name]
    assert not table.understood.rejected
    assert [column.name for column in table.schema.columns] == table.frame.columns


def test_churn_keeps_its_charges_as_numbers_and_names_the_blank_ones() -> None:
    table = tables.read(real_data("churn/telco_churn.csv"))
    assert table.frame["TotalCharges"].dtype == pl.Float64
    assert table.frame["TotalCharges"].null_count() == 11
    assert table.frame.filter(pl.col("TotalCharges").is_null())["tenure"].to_list() == [0] * 11
    assert table.understood.missing == {"TotalCharges": {" ": 11}}
    assert "TotalCharges: taken as missing: ' ' in 11 rows" in table.understood.notes
    assert table.schema["TotalCharges"].missing == (" ",)


def test_pressure_that_gets_decimals_only_later_is_a_number() -> None:
    table = tables.read(real_data("pm25/beijing_pm25.csv"))
    assert table.frame["PRES"].dtype == pl.Float64
    assert table.frame["pm2.5"].dtype == pl.Int64
    assert table.understood.missing == {"pm2.5": {"NA": 2067}}
    assert table.schema["cbwd"].type == "category"


def test_dates_of_bike_are_times() -> None:
    table = tables.read(real_data("bike/hour.csv"))
    assert table.frame["dteday"].dtype == pl.Datetime("us")
    assert table.frame["cnt"].sum() == 3_292_679


def test_messages_are_text_and_their_labels_are_not() -> None:
    table = tables.read(real_data("sms/sms_spam.csv"))
    assert [column.type for column in table.schema.columns] == ["category", "text"]


def test_questions_keep_the_line_breaks_within_them() -> None:
    table = tables.read(real_data("banking77/train.csv"))
    assert table.frame["text"].str.contains("\n").sum() > 0
    assert table.frame["category"].n_unique() == 77


def test_question_marks_of_adult_are_missing_and_said() -> None:
    table = tables.read(real_data("adult/adult.parquet"))
    assert table.understood.missing["occupation"] == {"?": 2809}
    assert table.frame["workclass"].null_count() == 2799


def test_a_declared_repair_takes_the_full_stop_off_the_labels_of_adult() -> None:
    repairs = {"income": Repair(strip=".")}
    table = tables.read(real_data("adult/adult.parquet"), repairs=repairs)
    assert sorted(table.frame["income"].unique()) == ["<=50K", ">50K"]


def test_strays_among_numbers_are_counted_with_their_lines() -> None:
    table = tables.read(real_data("hospital/dirty.csv"))
    assert table.schema["zip"].type == "category"
    note = next(note for note in table.understood.notes if note.startswith("zip:"))
    assert "30 of 1000 values are not numbers" in note
    assert "'x5957' on line 46" in note


def test_a_unit_behind_every_number_keeps_the_column_a_category() -> None:
    table = tables.read(real_data("beers/dirty.csv"))
    assert table.schema["ounces"].type == "category"
    assert table.schema["ibu"].type == "number"
    assert table.understood.missing["ibu"] == {"N/A": 1005}


@pytest.mark.parametrize(
    "name", ["churn/telco_churn.csv", "adult/adult.parquet", "sms/sms_spam.csv"]
)
def test_batches_together_are_the_whole_table(name: str) -> None:
    path = real_data(name)
    batches = list(tables.scan(path, batch_rows=1000))
    assert max(batch.height for batch in batches) <= 1000
    assert pl.concat(batches).equals(tables.read(path).frame)
