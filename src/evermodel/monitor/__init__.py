"""Do new rows look the same, are the answers still right, and is there anything to do."""

from evermodel.monitor.diagnosis import State, diagnose
from evermodel.monitor.drift import drift
from evermodel.monitor.estimated import estimated
from evermodel.monitor.performance import losses, performance
from evermodel.monitor.risk import RiskTracker

__all__ = [
    "RiskTracker",
    "State",
    "diagnose",
    "drift",
    "estimated",
    "losses",
    "performance",
]
