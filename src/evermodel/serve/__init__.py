"""Serving: an ASGI application around one live version, and the log of what it answered.

`App` answers plain JSON, the Open Inference Protocol V2 and MLflow's scoring protocol; `Follower`
swaps versions under load; `PredictionLog` writes every prediction before its answer leaves; `serve`
and `BackgroundServer` run it on uvicorn. Nothing of training is imported here.
"""

from __future__ import annotations

from evermodel.serve.app import App
from evermodel.serve.exchange import Limits
from evermodel.serve.live import Follower, Live, Served
from evermodel.serve.log import PredictionLog
from evermodel.serve.openapi import sample_record
from evermodel.serve.policy import Policy
from evermodel.serve.run import BackgroundServer, address, check_free, serve
from evermodel.serve.segments import (
    LogRow,
    Segment,
    read_segments,
    seal_segments,
    segments,
    unreadable,
)

__all__ = [
    "App",
    "BackgroundServer",
    "Follower",
    "Limits",
    "Live",
    "LogRow",
    "Policy",
    "PredictionLog",
    "Segment",
    "Served",
    "address",
    "check_free",
    "read_segments",
    "sample_record",
    "seal_segments",
    "segments",
    "serve",
    "unreadable",
]
