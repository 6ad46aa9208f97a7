"""Texts are summarised by their lengths, their blanks and how they are written."""

import numpy as np
import polars as pl
import pytest

from evermodel.tables.summaries import Summarising, summarise
from tests.tables.summarising import whole_summary


def test_texts_are_described_by_length_blanks_and_format() -> None:
    words = ["AB-12", "CD-34", "x9", "", "  ", None, "Łódź"]
    found = whole_summary(pl.DataFrame({"c": words}), {"c": "category"})["c"]
    assert found.words is not None
    formats = {one.value: one.rows for one in found.words.formats}
    assert formats == {"AA-99": 2, "a9": 1, "": 1, "  ": 1, "Aaaa": 1}
    assert (found.words.blank, found.words.lengths.maximum, found.missing) == (2, 5.0, 1)


@pytest.mark.parametrize("n", [5_000, 20_000])
def test_formats_of_many_kinds_say_less(n: int) -> None:
    rng = np.random.default_rng(0)
    words = ["a" * a + "-" + "7" * b for a, b in rng.integers(1, 20, (n, 2))]
    unique = [f"{word}-{i}" for i, word in enumerate(words)]
    found = whole_summary(pl.DataFrame({"c": unique}), {"c": "category"})["c"]
    assert found.words is not None
    assert (found.words.detail, found.words.formats[0].value) == (1, "a+-9+-9+")
    assert found.words.formats[0].rows == n
    assert found.distinct == pytest.approx(n, rel=0.04)
    assert found.words.lengths.n == n


def test_lengths_of_more_kinds_than_are_held_are_summarised() -> None:
    words = pl.DataFrame({"s": ["x" * i for i in range(1, 10_001)]}).sample(
        fraction=1.0, shuffle=True, seed=0
    )
    found = summarise(words.iter_slices(500), {"s": "text"}).result()["s"].words
    assert found is not None
    lengths = found.lengths
    assert (lengths.n, lengths.maximum) == (10_000, 10_000.0)
    assert 0 < lengths.rank_error < 0.01
    assert lengths.quantile(0.5) == pytest.approx(5_000, abs=10_000 * lengths.rank_error)
    alone = Summarising({"s": "text"})
    for part in words.iter_slices(500):
        alone.add(part)
    again = alone.result()["s"].words
    assert again is not None
    assert again.lengths.equal_mass == lengths.equal_mass
