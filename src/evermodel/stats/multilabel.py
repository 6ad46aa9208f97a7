"""Metrics of rows that may bear any number of L labels at once, as scikit-learn defines them.

Outcomes and predictions are 0 or 1, [N, L]. What is 0 / 0 is 0, as with `zero_division=0`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import Floats
from evermodel.stats.metrics import average_precision, roc_auc

__all__ = ["label_counts", "label_rates", "of_rows", "over_labels"]

Weight = npt.ArrayLike | None


def label_counts(
    y: npt.ArrayLike, predicted: npt.ArrayLike, weight: Weight = None
) -> npt.NDArray[np.float64]:
    """Return true positives, rows predicted positive and positive rows of each label, [3, L].

    Examples
    --------
    >>> label_counts([[1, 0], [1, 1]], [[1, 1], [0, 1]])
    array([[1., 1.],
           [1., 2.],
           [2., 1.]])
    """
    truth, said = np.asarray(y, np.float64), np.asarray(predicted, np.float64)
    each = np.ones(truth.shape[0]) if weight is None else np.asarray(weight, np.float64)
    return np.stack([each @ (truth * said), each @ said, each @ truth])


def label_rates(counts: npt.ArrayLike) -> dict[str, Floats]:
    """Return precision, recall and f1, each the mean over labels and `_micro`, of [..., 3, L].

    Examples
    --------
    >>> found = label_rates(label_counts([[1, 0], [1, 1]], [[1, 1], [0, 1]]))
    >>> round(float(found["f1"]), 4), round(float(found["f1_micro"]), 4)
    (0.6667, 0.6667)
    """
    cells = np.asarray(counts, np.float64)
    out = {}
    for ending, (hit, said, true) in {
        "": (cells[..., 0, :], cells[..., 1, :], cells[..., 2, :]),
        "_micro": tuple(cells[..., i, :].sum(axis=-1, keepdims=True) for i in range(3)),
    }.items():
        out["precision" + ending] = _ratio(hit, said).mean(axis=-1)
        out["recall" + ending] = _ratio(hit, true).mean(axis=-1)
        out["f1" + ending] = _ratio(2 * hit, said + true).mean(axis=-1)
    return out


def of_rows(y: npt.ArrayLike, predicted: npt.ArrayLike) -> dict[str, Floats]:
    """Return what each row adds to the metrics that are means over rows, each [N].

    `accuracy` (all labels right), `hamming_loss` (share of labels that are wrong), `jaccard` and
    `f1_samples` (`average="samples"`; 0 where a row neither bears nor is given a label).

    Examples
    --------
    >>> of_rows([[1, 0], [1, 1]], [[1, 1], [1, 1]])["jaccard"]
    array([0.5, 1. ])
    """
    truth, said = np.asarray(y, np.float64), np.asarray(predicted, np.float64)
    both, borne, given = (truth * said).sum(axis=1), truth.sum(axis=1), said.sum(axis=1)
    return {
        "accuracy": (truth == said).all(axis=1).astype(np.float64),
        "hamming_loss": (truth != said).mean(axis=1),
        "jaccard": _ratio(both, borne + given - both),
        "f1_samples": _ratio(2 * both, borne + given),
    }


def over_labels(y: npt.ArrayLike, score: npt.ArrayLike, weight: Weight = None) -> dict[str, float]:
    """Return roc_auc and average_precision as means over the labels, of scores [N, L].

    NaN where a label is borne by all rows or by none.

    Examples
    --------
    >>> over_labels([[1, 0], [0, 1], [1, 1]], [[0.9, 0.2], [0.1, 0.4], [0.8, 0.9]])["roc_auc"]
    1.0
    """
    truth, scores = np.asarray(y), np.asarray(score, np.float64)
    labels = range(truth.shape[1])
    areas = [roc_auc(truth[:, i], scores[:, i], weight) for i in labels]
    means = [average_precision(truth[:, i], scores[:, i], weight) for i in labels]
    return {"roc_auc": float(np.mean(areas)), "average_precision": float(np.mean(means))}


def _ratio(part: Floats, whole: Floats) -> Floats:
    out = np.zeros(np.broadcast_shapes(np.shape(part), np.shape(whole)))
    np.divide(part, whole, out=out, where=np.asarray(whole > 0))
    return out
