"""On real rows a boosted model's margins come out calibrated, and no order is lost."""

import numpy as np
import pytest
from scipy.special import logit
from sklearn.ensemble import GradientBoostingClassifier

from evermodel.stats.calibrators import choose_calibrator
from evermodel.stats.metrics import ece, log_loss, roc_auc
from tests.real import real_data


@pytest.mark.real
def test_margins_of_credit_defaults_come_out_calibrated() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(real_data("credit/default_credit_card.parquet"))
    y = frame["default_payment_next_month"].to_numpy()
    X = frame.drop("ID", "default_payment_next_month").to_numpy()
    part = np.random.default_rng(0).permutation(y.size) % 3
    model = GradientBoostingClassifier(
        learning_rate=0.5, n_estimators=60, max_depth=4, max_features=6, random_state=0
    )
    few = np.flatnonzero(part == 0)[:4000]  # few rows, fast steps: overconfident on purpose
    model.fit(X[few], y[few])
    p = np.clip(model.predict_proba(X)[:, 1], 1e-12, 1 - 1e-12)
    margin = logit(p)
    chosen, losses = choose_calibrator(margin[part == 1], y[part == 1], seed=0)
    after = chosen(margin[part == 2])
    truth = y[part == 2]
    assert ece(truth, after) <= 0.03
    assert ece(truth, after) < ece(truth, p[part == 2])
    assert log_loss(truth, after) < log_loss(truth, p[part == 2])
    assert roc_auc(truth, after) == pytest.approx(roc_auc(truth, margin[part == 2]), abs=2e-3)
    assert set(losses) == {"sigmoid", "beta", "isotonic"}
