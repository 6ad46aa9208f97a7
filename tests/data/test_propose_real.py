"""What is proposed for the real data sets, read as a user's files are."""

from __future__ import annotations

import pytest

from evermodel.data import Proposal, propose, render
from evermodel.errors import DataError
from evermodel.project import ROW_ORDER, Project, parse_project
from evermodel.tables import Table, read
from tests.real import real_data

pytestmark = pytest.mark.real

CHURN = ("churn/telco_churn.csv", "Churn")
ADULT = ("adult/adult.parquet", "income")
CREDIT = ("credit/default_credit_card.parquet", "default_payment_next_month")
GERMAN = ("credit/german_credit.csv", "class")
BIKE = ("bike/hour.csv", "cnt")
ELEC2 = ("elec2/elec2.parquet", "class")
WEATHER = ("weather/noaa_bellevue.csv", "rain")
PM25 = ("pm25/beijing_pm25.csv", "pm2.5")
SMS = ("sms/sms_spam.csv", "label")
ACS = ("acs/acs_gov_2018.parquet", "salary")
RETAIL = ("retail/online_retail.parquet", "Quantity")
BANKING = ("banking77/train.csv", "category")
ALL = [CHURN, ADULT, CREDIT, GERMAN, BIKE, ELEC2, WEATHER, PM25, SMS, ACS, RETAIL, BANKING]


def table(case: tuple[str, str]) -> Table:
    return read(real_data(case[0]))


def proposed(case: tuple[str, str]) -> Proposal:
    return propose(table(case), source=case[0], target=case[1], name="it")


def project(case: tuple[str, str]) -> Project:
    return parse_project(render(proposed(case)))


@pytest.mark.parametrize("case", ALL, ids=lambda case: str(case[0]).split("/")[0])
def test_the_proposal_is_a_valid_project_file_that_a_person_can_read(case: tuple[str, str]) -> None:
    text = render(proposed(case))
    assert parse_project(text).data.target == case[1]
    lines = text.splitlines()
    # Thirteen of them at most say what holds for every row now.
    assert 45 <= len(lines) <= 85
    assert max(map(len, lines)) <= 110


@pytest.mark.parametrize(
    ("case", "task", "positive"),
    [
        (CHURN, "binary", "Yes"),
        (ADULT, "binary", ">50K"),
        (CREDIT, "binary", "1"),
        (GERMAN, "binary", "2"),
        (BIKE, "regression", ""),
        (ELEC2, "binary", "1"),
        (WEATHER, "binary", "1"),
        (PM25, "regression", ""),
        (SMS, "binary", "spam"),
        (ACS, "regression", ""),
        (RETAIL, "regression", ""),
        (BANKING, "multiclass", ""),
    ],
    ids=lambda value: value[0].split("/")[0] if isinstance(value, tuple) else str(value),
)
def test_the_task_and_the_positive_class_are_found(
    case: tuple[str, str], task: str, positive: str
) -> None:
    data = project(case).data
    assert (data.task, data.positive) == (task, positive)


@pytest.mark.parametrize(
    ("case", "when"),
    [(BIKE, "dteday"), (RETAIL, "InvoiceDate"), (ELEC2, ROW_ORDER), (WEATHER, ROW_ORDER)]
    + [(PM25, ROW_ORDER)]
    + [(case, "") for case in (CHURN, ADULT, CREDIT, GERMAN, ACS, SMS, BANKING)],
    ids=lambda value: value[0].split("/")[0] if isinstance(value, tuple) else str(value),
)
def test_time_is_a_date_or_the_order_of_rows_only_where_rows_depend_on_one_another(
    case: tuple[str, str], when: str
) -> None:
    assert project(case).data.time == when


def test_sorted_rows_of_adult_without_its_split_are_not_taken_for_a_stream() -> None:
    frame = table(ADULT).frame.drop("split")
    assert propose(frame, source="adult", target="income", name="a").time == ""


def test_the_parts_that_add_up_to_the_count_of_bikes_are_left_out() -> None:
    proposal = proposed(BIKE)
    assert set(proposal.left_out()) == {"instant", "casual", "registered"}
    assert "'casual' + 'registered' = 'cnt'" in render(proposal)


@pytest.mark.parametrize("case", [CHURN, ADULT, CREDIT, GERMAN, ACS, WEATHER, ELEC2])
def test_no_good_column_is_accused(case: tuple[str, str]) -> None:
    assert project(case).data.leave_out == ()


@pytest.mark.parametrize(
    ("case", "key"), [(CHURN, "customerID"), (CREDIT, "ID"), (RETAIL, "CustomerID")]
)
def test_who_a_row_is_about_becomes_the_key(case: tuple[str, str], key: str) -> None:
    assert project(case).data.key == (key,)


def test_row_numbers_are_left_out() -> None:
    assert project(PM25).data.leave_out == ("No",)


def test_protected_columns_are_found_by_name() -> None:
    assert project(CHURN).data.protected == ("gender", "SeniorCitizen")
    assert set(project(ADULT).data.protected) == {
        "age",
        "marital_status",
        "race",
        "sex",
        "native_country",
    }
    assert set(project(CREDIT).data.protected) == {"SEX", "MARRIAGE", "AGE"}
    assert project(BIKE).data.protected == ()


def test_adult_names_its_split_and_its_labels_lose_the_full_stop() -> None:
    proposal = proposed(ADULT)
    data = parse_project(render(proposal)).data
    assert data.split == "split"
    assert data.repairs["income"].strip == "."
    assert {a.column: a.rows for a in proposal.repairs}["income"] == 16_281
    assert data.repairs["workclass"].missing == ("?",)
    assert "fnlwgt" in " ".join(proposal.notes)


def test_blank_charges_of_telco_are_declared_as_missing() -> None:
    text = render(proposed(CHURN))
    repair = parse_project(text).data.repairs["TotalCharges"]
    assert (repair.missing, repair.type) == ((" ",), "number")
    assert "# 11 rows: ' ' in a column of numbers" in text


def test_rows_without_a_target_are_counted() -> None:
    proposal = proposed(PM25)
    assert proposal.outcome.missing == 2_067
    assert "2,067 rows without it are not learned from" in render(proposal)


def test_free_text_that_is_all_there_is_stays_and_the_file_says_what_to_expect() -> None:
    text = render(proposed(SMS))
    assert parse_project(text).data.leave_out == ()
    assert "free text, which is not learned from yet" in text


@pytest.mark.parametrize("case", [CHURN, ADULT, CREDIT, PM25, BIKE])
def test_what_is_declared_reads_again_to_the_same_classes(case: tuple[str, str]) -> None:
    data = project(case).data
    again = read(
        real_data(case[0]), reading=data.reading, repairs=data.repairs, types=data.types
    ).frame
    target = again[case[1]]
    if data.task == "binary":
        assert target.n_unique() == 2
        assert data.positive in target.cast(str).to_list()
    else:
        assert target.dtype.is_numeric()
    second = propose(again, source=case[0], target=case[1], name="it")
    assert second.task == data.task
    assert set(second.left_out()) == set(data.leave_out)


def test_a_number_spoilt_by_units_is_no_set_of_classes() -> None:
    with pytest.raises(DataError, match="too many different texts") as caught:
        proposed(("beers/dirty.csv", "abv"))
    assert "mend the others" in caught.value.hint
