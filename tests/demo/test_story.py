import pytest

from evermodel.demo import Plan, chapters, tell
from evermodel.demo.money import ASSUMPTION, Total


@pytest.mark.parametrize("seed", range(5))
def test_the_story_tells_the_five_events_in_order_of_time(seed: int) -> None:
    told = chapters(Plan.draw(seed))
    assert len({chapter.event for chapter in told}) == 5
    assert [chapter.week for chapter in told] == sorted(chapter.week for chapter in told)
    assert all(chapter.week < chapter.until <= 51 for chapter in told)


def test_a_chapter_says_so_when_the_loop_did_not_do_as_it_should() -> None:
    chapter = chapters(Plan.draw(1))[2].told("Nothing.", money="-350 EUR", as_expected=False)
    text = tell([chapter])
    assert "(NOT as it should)" in text
    assert "-350 EUR" in text


def test_totals_are_shown_with_their_interval_and_the_assumption_behind_them() -> None:
    sums = [
        (name, Total(euros=euros, low=euros - 10, high=euros + 10, level=0.95, rows=9))
        for name, euros in (("never", 1000.0), ("evermodel", 2000.0))
    ]
    text = tell(chapters(Plan.draw(0)), sums)
    assert "evermodel  2,000 EUR (1,990 to 2,010)" in text
    assert ASSUMPTION.split(";")[0] in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 88
