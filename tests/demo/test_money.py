import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.demo import Book, Terms, money
from evermodel.demo.money import total
from tests.demo.plain import shop


@given(st.floats(0.01, 0.99))
def test_an_offer_pays_exactly_from_the_threshold_on(p: float) -> None:
    terms = Terms()
    worth = p * money([True], [True])[0] + (1 - p) * money([True], [False])[0]
    if abs(p - terms.threshold) > 1e-9:
        assert (worth > 0) == (p > terms.threshold)


def test_the_interval_of_a_total_covers_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    customers = [f"C{i % 200}" for i in range(800)]
    truth, covered = 800 * (0.2 * 20 - 0.8 * 8) * 0.5, 0
    for _ in range(400):
        # The four rows of a customer have the same outcome: rows alone would look too sure.
        leaves = np.tile(rng.random(200) < 0.2, 4)
        found = total(money(np.tile(rng.random(200) < 0.5, 4), leaves), customers)
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_policies_are_settled_on_the_same_outcomes_and_compared_row_by_row() -> None:
    seller, book = shop(0), Book()
    rng = np.random.default_rng(0)
    for week in range(8):
        truth = seller.truth(week)
        left = (truth["churned"] == "yes").to_numpy()
        book.settle(week, truth)
        book.decide("perfect", week, truth["customer"], left)
        book.decide("nearly", week, truth["customer"], left ^ (rng.random(len(left)) < 0.02))
    gain = book.gain("perfect", "nearly")
    assert gain.euros == pytest.approx(book.total("perfect").euros - book.total("nearly").euros)
    assert gain.low > 0
    perfect, nearly = book.total("perfect"), book.total("nearly")
    assert gain.high - gain.low < 0.5 * (perfect.high - nearly.low)
    assert book.gain("perfect", "nearly", weeks=range(2)).rows < gain.rows


def test_a_decision_about_every_settled_customer_is_needed() -> None:
    book = Book()
    truth = shop(0).truth(0)
    book.settle(0, truth)
    book.decide("never", 0, truth["customer"][:-1], [False] * (truth.height - 1))
    with pytest.raises(KeyError):
        book.total("never")
