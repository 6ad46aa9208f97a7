"""Do new rows look the same, are the answers still right, and is there anything to do."""

from evermodel.monitor.diagnosis import State, diagnose
from evermodel.monitor.drift import drift
from evermodel.monitor.own import own_drift
from evermodel.monitor.performance import performance, tolerated
from evermodel.monitor.promise import drift_level, risk_level
from evermodel.monitor.risk import RiskTracker

__all__ = [
    "RiskTracker",
    "State",
    "diagnose",
    "drift",
    "drift_level",
    "own_drift",
    "performance",
    "risk_level",
    "tolerated",
]
