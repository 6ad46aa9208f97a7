"""Metrics with intervals and gates, slices of protected groups, costs and reliability."""

from evermodel.evaluate.cases import Predictions
from evermodel.evaluate.evaluation import evaluate
from evermodel.evaluate.gate import METRICS, SLICE_METRICS
from evermodel.evaluate.reliability import ReliabilityBin, reliability

__all__ = [
    "METRICS",
    "SLICE_METRICS",
    "Predictions",
    "ReliabilityBin",
    "evaluate",
    "reliability",
]
