"""Counts and latencies of the server in the Prometheus text format, version 0.0.4."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["Metrics", "counter", "gauge", "resident_bytes"]

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MEDIA = b"text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What the server counts. Routes are patterns, never raw paths, so labels stay few.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.observe("/predict", 200, 3, 0.002)
    >>> print(metrics.text("churn").splitlines()[2])
    evermodel_requests_total{route="/predict",code="200",model="churn",version="3"} 1
    """

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int, int | None]] = Counter()
        self._seconds: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, route: str, code: int, version: int | None, seconds: float) -> None:
        """Count one answered request."""
        self._requests[route, code, version] += 1
        buckets = self._seconds.get(route)
        if buckets is None:
            buckets = self._seconds[route] = [0] * (len(_BOUNDS) + 1)
            self._sums[route] = 0.0
        buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._sums[route] += seconds

    def text(self, model: str, gauges: Iterable[str] = ()) -> str:
        """Return the exposition: requests, latencies, then `gauges` as made by `gauge`."""
        name = "evermodel_requests_total"
        lines = [f"# HELP {name} Requests answered.", f"# TYPE {name} counter"]
        for (route, code, version), count in sorted(
            self._requests.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] or 0)
        ):
            labels = f'route="{route}",code="{code}",model="{_escaped(model)}"'
            lines.append(f'{name}{{{labels},version="{version or ""}"}} {count}')
        name = "evermodel_request_seconds"
        lines += [f"# HELP {name} Time from request to answer.", f"# TYPE {name} histogram"]
        for route, buckets in sorted(self._seconds.items()):
            total = 0
            for bound, count in zip((*_BOUNDS, "+Inf"), buckets, strict=True):
                total += count
                lines.append(f'{name}_bucket{{route="{route}",le="{bound}"}} {total}')
            lines.append(f'{name}_sum{{route="{route}"}} {self._sums[route]:.9g}')
            lines.append(f'{name}_count{{route="{route}"}} {total}')
        lines += gauges
        return "\n".join(lines) + "\n"


def gauge(name: str, help: str, value: float, *, kind: str = "gauge", **labels: str) -> str:
    """Return one metric with its help and type.

    Examples
    --------
    >>> print(gauge("x_total", "Things.", 2, kind="counter", model="a"))
    # HELP x_total Things.
    # TYPE x_total counter
    x_total{model="a"} 2
    """
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    shown = f"{{{inner}}}" if inner else ""
    return f"# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{shown} {value:.17g}"


def counter(name: str, help: str, values: Iterable[tuple[Mapping[str, str], int]]) -> str:
    """Return one counter with a line for each set of labels.

    Examples
    --------
    >>> print(counter("x_total", "Things.", [({"kind": "a"}, 2)]).splitlines()[-1])
    x_total{kind="a"} 2
    """
    lines = [f"# HELP {name} {help}", f"# TYPE {name} counter"]
    for labels, value in values:
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inner}}} {value}")
    return "\n".join(lines)


def resident_bytes() -> int:
    """Return the resident memory of this process, or 0 where the system does not say.

    Examples
    --------
    >>> resident_bytes() >= 0
    True
    """
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
