"""How good predicted quantiles and intervals are: pinball loss, coverage, width, interval score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Floats

__all__ = ["interval_scores", "interval_widths", "pinball_losses"]


def pinball_losses(y: npt.ArrayLike, value: npt.ArrayLike, quantile: float = 0.5) -> Floats:
    """Return the pinball loss of each row [N], in the target's unit.

    Its mean is scikit-learn's `mean_pinball_loss` with `alpha` for the quantile; it is least for
    the true quantile, and half the absolute error for the median.

    Raises
    ------
    InputError
        When the quantile does not lie between 0 and 1.

    References
    ----------
    Koenker, Bassett (1978), "Regression Quantiles", Econometrica 46.

    Examples
    --------
    >>> pinball_losses([1.0, 3.0], [2.0, 2.0], 0.9).round(3)
    array([0.1, 0.9])
    """
    if not 0 < quantile < 1:
        raise InputError("a quantile lies between 0 and 1", found=str(quantile))
    error = np.asarray(y, np.float64) - np.asarray(value, np.float64)
    return np.asarray(np.maximum(quantile * error, (quantile - 1) * error))


def interval_widths(low: npt.ArrayLike, high: npt.ArrayLike) -> Floats:
    """Return how wide each interval is [N], in the target's unit.

    Examples
    --------
    >>> interval_widths([0.0, 1.0], [2.0, 1.5])
    array([2. , 0.5])
    """
    return np.asarray(np.asarray(high, np.float64) - np.asarray(low, np.float64))


def interval_scores(
    y: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, held: float
) -> Floats:
    """Return the interval score of each row [N], in the target's unit: lower is better.

    It is the width, and 2 / (1 - held) times the distance of an outcome that lies outside. It is
    least for the true quantiles, so that neither too wide nor too narrow intervals win.

    Parameters
    ----------
    y, low, high : array of float [N]
    held : float
        Share of the outcomes that the intervals are meant to hold.

    Raises
    ------
    InputError
        When `held` does not lie between 0 and 1.

    References
    ----------
    Gneiting, Raftery (2007), "Strictly Proper Scoring Rules, Prediction, and Estimation", 6.2.

    Examples
    --------
    >>> interval_scores([1.0, 3.0], [0.0, 0.0], [2.0, 2.0], 0.9)
    array([ 2., 22.])
    """
    if not 0 < held < 1:
        raise InputError("the share meant to be held lies between 0 and 1", found=str(held))
    truth, least = np.asarray(y, np.float64), np.asarray(low, np.float64)
    most = np.asarray(high, np.float64)
    outside = np.maximum(least - truth, 0) + np.maximum(truth - most, 0)
    return np.asarray(interval_widths(least, most) + 2 / (1 - held) * outside)
