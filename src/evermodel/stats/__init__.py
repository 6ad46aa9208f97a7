"""Arrays in, numbers out: metrics, intervals, calibrators, thresholds, comparisons.

Import the module that is needed, such as `evermodel.stats.calibrators`: nothing is imported here,
so that the serving runtime pays for no statistics that it does not use. Modules need numpy only;
scipy is imported inside the few functions that call it.
"""

__all__: list[str] = []
