"""One server for the tests that only ask; those that break things start their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evermodel.serve import PredictionLog
from tests.serve.client import Client, serving
from tests.serve.models import churn, colours, echo


@pytest.fixture(scope="session")
def log_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log")


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory, log_folder: Path) -> Iterator[Client]:
    served = churn(tmp_path_factory.mktemp("bundles"), version=3)
    with serving(served, log=PredictionLog(log_folder)) as client:
        yield client


@pytest.fixture(scope="session")
def echo_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(echo(tmp_path_factory.mktemp("bundles"))) as client:
        yield client


@pytest.fixture(scope="session")
def colours_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(colours(tmp_path_factory.mktemp("bundles"))) as client:
        yield client
