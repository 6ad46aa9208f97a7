"""Evermodel's own checks pass the suite that authors of plugins run."""

import pytest

from evermodel.plugins import found
from evermodel.testing import Case, check_plugins_of

CASES = check_plugins_of("evermodel", seconds=20)


def test_each_of_our_checks_is_offered_by_name() -> None:
    ours = {"columns", "times", "twins", "personal_data", "wrong_cells"}
    of_the_target = {"leakage", "split", "label_errors", "groups"}
    assert ours | of_the_target <= set(found("check"))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_our_own_checks_keep_what_a_check_promises(case: Case) -> None:
    case()
