"""Split conformal prediction: an interval around any regression, with a finite-sample promise."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import floats

__all__ = ["conformal_radius"]


def conformal_radius(residuals: npt.ArrayLike, level: float = 0.95) -> float:
    """Return r such that prediction +- r covers a new row with probability `level` or more.

    `residuals` come from rows the model was not fitted on and that are exchangeable with new ones;
    their sign does not matter. The unit is the target's. Infinite when there are fewer than
    level / (1 - level) rows (19 at 95 %), because no finite radius could keep the promise.

    References
    ----------
    Vovk, Gammerman, Shafer (2005); Lei, G'Sell, Rinaldo, Tibshirani, Wasserman (2018),
    "Distribution-Free Predictive Inference for Regression".

    Raises
    ------
    InputError
        When a residual is missing or infinite.

    Examples
    --------
    >>> conformal_radius([0.1, -0.2, 0.3, -0.4], level=0.6)
    0.3
    """
    sizes = np.sort(np.abs(floats(residuals, name="residuals")))
    # Rounding must not push an exact rank, such as 0.95 * 20, one up.
    rank = math.ceil((sizes.size + 1) * level - 1e-9)
    return float(sizes[rank - 1]) if rank <= sizes.size else math.inf
