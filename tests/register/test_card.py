"""The model card shows what was recorded and leaves a gap where nobody has spoken."""

from evermodel.bundle import Manifest
from evermodel.records import CheckResult
from evermodel.register import model_card
from tests.register.tiny import INPUTS

MANIFEST = Manifest(
    project="churn",
    version=3,
    task="binary",
    target="Churn",
    inputs=INPUTS,
    classes=("No", "Yes"),
    positive="Yes",
    threshold=0.31,
    created="2026-11-03T12:00:00.000000Z",
    run="run-1",
)
RESULTS = [
    CheckResult(
        name="roc_auc", subject="test", value=0.84, low=0.82, high=0.86, level=0.95, n=1409, min=0.8
    ),
    CheckResult(
        name="recall", subject="test", slice="a|b", verdict="unknown", n=3, why="too few rows"
    ),
]


def test_the_card_shows_each_result_with_interval_n_and_verdict() -> None:
    card = model_card(MANIFEST, RESULTS)
    assert card.startswith("# Model card: churn (version 3)\n")
    row = r"| roc\_auc | test | 0.84 | 0.82 to 0.86 (95%) | 1,409 | at least 0.8 | passed |"
    assert row in card
    assert r"| recall | test / a\|b |  |  | 3 |  | too few to say: too few rows |" in card
    assert "- Said from a probability of: 0.31" in card


def test_what_nobody_has_stated_stays_a_visible_gap() -> None:
    card = model_card(MANIFEST, RESULTS)
    intended = card.split("## Intended use")[1].split("##")[0]
    assert "**Not stated yet.**" in intended
    assert "- Training data (digest): *not recorded*" in card
    assert "Nothing was measured" in model_card(MANIFEST, [])


def test_the_card_describes_every_input() -> None:
    card = model_card(MANIFEST, RESULTS)
    assert "| charges | number | 18.25 to 118.75 |" in card
    assert "| contract | category | monthly, yearly |" in card
    assert "| since | timestamp |  |" in card


def test_names_cannot_break_out_of_the_table() -> None:
    odd = CheckResult(name="<b>a|b</b>\n# title", value=1.0)
    card = model_card(MANIFEST, [odd])
    assert "<b>" not in card.replace(r"\<b>", "")
    assert "\n# title" not in card


def test_a_regression_card_speaks_of_no_classes() -> None:
    manifest = Manifest(project="bike", task="regression", target="count", inputs=INPUTS[:1])
    card = model_card(manifest, [])
    assert "(a candidate)" in card
    assert "Classes" not in card
