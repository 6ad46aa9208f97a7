"""The loop may look every day: a worse challenger is not promoted, a better one is."""

import numpy as np
import pytest
from scipy.special import expit

from evermodel.errors import InputError
from evermodel.stats.arrays import Floats
from evermodel.stats.compare import Comparison, bounded_error, compare, verdict

DAYS, PER_DAY = 30, 100


def _losses(rng: np.random.Generator, noise: float) -> tuple[Floats, Floats]:
    """Brier scores of a champion and of a challenger whose margin has that much noise."""
    n = DAYS * PER_DAY
    margin = 1.5 * rng.normal(size=n)
    y = rng.random(n) < expit(margin)
    champion = (expit(margin + 0.8 * rng.normal(size=n)) - y) ** 2
    return champion, (expit(margin + noise * rng.normal(size=n)) - y) ** 2


def _year(champion: Floats, challenger: Floats) -> tuple[str, int]:
    """Look after each day and stop at the first decision."""
    for rows in range(PER_DAY, champion.size + 1, PER_DAY):
        found = verdict(compare(champion[:rows], challenger[:rows]))
        if found != "hold":
            return found, rows
    return "hold", champion.size


def test_daily_looks_do_not_promote_an_equal_challenger() -> None:
    rng = np.random.default_rng(0)
    found = [_year(*_losses(rng, noise=0.8))[0] for _ in range(30)]
    assert found.count("promote") + found.count("reject") <= 2


def test_the_sequence_covers_at_all_times_a_mean_that_changes() -> None:
    rng = np.random.default_rng(1)
    truth = 0.2 * np.sin(np.arange(2000) / 300)
    running = truth.cumsum() / np.arange(1, 2001)
    missed = 0
    for _ in range(60):
        difference = truth + rng.uniform(-0.5, 0.5, 2000)
        a, b = 0.5 + difference / 2, 0.5 - difference / 2
        for n in range(50, 2001, 150):
            found = compare(a[:n], b[:n])
            if not found.low <= running[n - 1] <= found.high:
                missed += 1
                break
    assert missed <= 5


def test_a_clearly_better_challenger_is_promoted_within_the_month() -> None:
    rng = np.random.default_rng(2)
    found = [_year(*_losses(rng, noise=0.2)) for _ in range(20)]
    assert [word for word, _ in found].count("promote") >= 18
    assert np.median([rows for _, rows in found]) <= 1500


def test_a_worse_challenger_is_rejected() -> None:
    rng = np.random.default_rng(3)
    found = [_year(*_losses(rng, noise=1.8))[0] for _ in range(10)]
    assert found.count("reject") >= 9


def test_the_rows_said_to_be_needed_decide() -> None:
    rng = np.random.default_rng(4)
    difference = rng.uniform(-0.5, 0.5, 40_000) + 0.05
    a, b = 0.5 + difference / 2, 0.5 - difference / 2
    first = compare(a[:100], b[:100])
    assert verdict(first) == "hold"
    assert first.needed is not None
    rows = 100 + 3 * first.needed
    assert verdict(compare(a[:rows], b[:rows])) == "promote"


def test_a_margin_asks_for_more_or_for_not_worse() -> None:
    found = Comparison(mean=0.03, low=0.01, high=0.05, n=900, level=0.95, needed=0)
    assert verdict(found) == "promote"
    assert verdict(found, margin=0.02) == "hold"
    assert verdict(found, margin=0.06) == "reject"
    worse = Comparison(mean=-0.01, low=-0.02, high=0.0, n=900, level=0.95, needed=0)
    assert verdict(worse, margin=-0.03) == "promote"


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_handful_of_rows_decides_nothing(n: int) -> None:
    found = compare(np.ones(n), np.zeros(n))
    assert verdict(found) == "hold"
    assert -1 <= found.low <= found.high <= 1


def test_equal_models_are_held_and_no_number_of_rows_is_promised() -> None:
    found = compare(np.full(500, 0.2), np.full(500, 0.2))
    assert verdict(found) == "hold"
    assert found.needed is None


def test_losses_that_break_the_promise_are_refused() -> None:
    with pytest.raises(InputError, match="within 0 and 1"):
        compare([0.1, 1.5], [0.1, 0.2])
    with pytest.raises(InputError, match="same rows"):
        compare([0.1], [0.1, 0.2])
    with pytest.raises(InputError, match="finite"):
        compare([np.nan], [0.1])
    with pytest.raises(InputError, match="scale"):
        bounded_error([1.0], [2.0], scale=0.0)
