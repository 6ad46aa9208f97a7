"""Answers about a data set: asked once, read back, and every mistake told with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evermodel.data.documents.answers import (
    ANSWERS_FILE,
    Answers,
    answers_text,
    ask,
    load_answers,
    parse_answers,
)
from evermodel.data.documents.questions import QUESTIONS
from evermodel.data.documents.table_facts import LEAST_ROWS, MOST_VALUES
from evermodel.errors import ProjectError


def test_the_file_of_questions_asks_all_of_them_and_answers_none() -> None:
    text = answers_text()
    assert parse_answers(text) == Answers()
    flat = re.sub(r"\n# |\n#", " ", text)
    assert all(question.ask in flat for question in QUESTIONS)
    assert max(map(len, text.splitlines())) <= 100


def test_every_answer_and_every_entry_of_the_catalogue_is_read() -> None:
    text = answers_text().replace('= ""\n', '= "We say so."\n')
    text = re.sub(r"^# (\w+) = ", r"\1 = ", text, flags=re.MULTILINE)
    found = parse_answers(text)
    assert found.answered == len(QUESTIONS) == 15
    assert not found.open
    assert found.catalogue.synthetic is False


def test_the_answers_on_the_page_that_explains_them_are_read() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "document-a-data-set.md"
    text = page.read_text("utf-8")
    (example,) = re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL)
    assert parse_answers(example).answered == 2
    assert f"asks {len(QUESTIONS)} questions" in text
    assert f"at most {MOST_VALUES} of them, each in at least {LEAST_ROWS} rows" in text


def test_what_is_put_off_is_no_answer_and_none_is_one() -> None:
    text = '[uses]\nlimits = "TODO"\navoid = " ? "\nimpact = "none"\nintended = """\n\n"""'
    found = parse_answers(text)
    assert found.answered == 1
    assert found["uses.impact"] == "none"


def test_every_mistake_in_the_answers_is_told_with_its_line() -> None:
    text = (
        'purpose = "x"\n'
        "[uses]\n"
        'limit = "one city"\n'
        "avoid = 3\n"
        "[catalogue]\n"
        'url = "our page"\n'
        'version = "1"\n'
        'published = "March"\n'
        'keywords = "churn"\n'
        'synthetic = "no"\n'
        'licenze = "MIT"\n'
    )
    with pytest.raises(ProjectError) as caught:
        parse_answers(text)
    assert [mistake.line for mistake in caught.value.mistakes] == [1, 3, 4, 6, 7, 8, 9, 10, 11]
    said = str(caught.value)
    assert f"{ANSWERS_FILE}:3:1: unknown key 'uses.limit'; did you mean 'limits'?" in said
    assert "did you mean 'licence'?" in said


@pytest.mark.parametrize("text", ['[uses]\nlimits = "one', "[uses\n", "[uses]\nlimits = one city"])
def test_what_is_no_toml_is_told_with_its_line(text: str) -> None:
    with pytest.raises(ProjectError, match=rf"{ANSWERS_FILE}:\d+:\d+: not valid TOML"):
        parse_answers(text)


def test_a_folder_without_answers_has_none_and_one_with_them_is_read(tmp_path: Path) -> None:
    assert load_answers(tmp_path) == Answers()
    text = '\N{ZERO WIDTH NO-BREAK SPACE}[uses]\nlimits = "One city."\n'
    (tmp_path / ANSWERS_FILE).write_text(text, encoding="utf-8")
    assert load_answers(tmp_path)["uses.limits"] == "One city."


def test_questions_once_written_are_never_written_over(tmp_path: Path) -> None:
    path = ask(tmp_path)
    assert path is not None
    path.write_text(path.read_text().replace('limits = ""', 'limits = "One city."'))
    assert ask(tmp_path) is None
    assert load_answers(tmp_path)["uses.limits"] == "One city."
