"""How sure an alarm must be, so that false ones stay as rare as the project file says.

Half of the false alarms accepted a year go to the drift of columns, half to the measured risk. By
linearity of expectation no independence between looks or versions is needed: levels whose errors
add up to the accepted number keep the promise on average. For the risk it is exact. The intervals
of drift are normal approximations: columns that did not change stay far below it, a difference of
just the size that is looked for may be named a few times as often.
"""

from __future__ import annotations

from evermodel.errors import InputError

__all__ = ["drift_level", "risk_level"]

LARGEST_ERROR = 0.25
"""No single look, and no version's whole life, errs more often than this, whatever is accepted."""


def drift_level(false_alarms: float, planned: float, look: float = 1) -> float:
    """Return the confidence of one look at the drift of all columns together.

    Half of what is accepted of drift is for the looks that are planned, in equal shares. The other
    half is for those beyond the plan, however many: the share of the `look`-th is smaller by the
    square of `look / planned`, and all of them add up to no more than this half.

    Parameters
    ----------
    false_alarms : float
        Accepted a year, of all kinds.
    planned : float
        Looks that are planned for a year.
    look : float
        How many looks the year that ends with this one has had, itself counted.

    References
    ----------
    Bonferroni's inequality, over looks as over columns, with a spending sequence.

    Examples
    --------
    >>> round(drift_level(1.0, 365), 5), round(drift_level(1.0, 365, 3650), 7)
    (0.99932, 0.9999932)
    """
    _positive(false_alarms, planned, look)
    share = 0.5 / planned * min(1.0, (planned / look) ** 2)
    return 1 - min(false_alarms / 2 * share, LARGEST_ERROR)


def risk_level(false_alarms: float, reign: int) -> float:
    """Return the confidence that a version's risk raises no false alarm in its whole life.

    The accepted error is spent over the versions that went live within a year: the `reign`-th of
    them gets the share 1 / (reign (reign + 1)), and all shares add up to 1.

    Parameters
    ----------
    false_alarms : float
        Accepted a year, of all kinds.
    reign : int
        How many times a version went live in the year that ended when this one did, itself counted.

    References
    ----------
    Shin, Ramdas, Rinaldo (2024), "E-detectors" (the spending sequence); Ville (1939) (a test that
    holds at every look, and so needs no share of its own for each).

    Examples
    --------
    >>> risk_level(1.0, 1), round(risk_level(1.0, 2), 4)
    (0.75, 0.9167)
    """
    _positive(false_alarms, reign)
    return 1 - min(false_alarms / 2 / (reign * (reign + 1)), LARGEST_ERROR)


def _positive(*numbers: float) -> None:
    if min(numbers) <= 0:
        raise InputError(
            "false alarms, looks and versions are counted above 0", found=f"{min(numbers):g}"
        )
