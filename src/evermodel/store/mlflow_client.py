"""The way to MLflow: which server or file, quietly, and its failures in plain words."""

from __future__ import annotations

import logging
import os
import ssl
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from evermodel.errors import MissingExtraError, SurroundingsError
from evermodel.store.durable import sync_file, sync_folder, temporary

__all__ = ["Connection"]

# Nothing is ever reported home, and no server is waited for without end; what the user has set
# in the environment stays as it is.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_UV_AUTO_DETECT": "false",
}
_TALKERS = ("mlflow", "alembic", "urllib3", "sqlalchemy")
_PATIENCE = 4.0
_HINT = "start the server, or unset MLFLOW_TRACKING_URI to keep everything in the workspace"


class Connection:
    """MLflow as one workspace sees it.

    `MLFLOW_TRACKING_URI` (and `MLFLOW_REGISTRY_URI`) win; otherwise all is in the workspace:
    `mlflow.db` and `mlartifacts/`.

    Parameters
    ----------
    workspace : Path
        The project's `.evermodel` folder.
    """

    def __init__(self, workspace: str | Path) -> None:
        self.workspace = Path(workspace).absolute()
        self._clients: dict[str, Any] = {}

    @property
    def uri(self) -> str:
        """Where runs are tracked."""
        return os.environ.get("MLFLOW_TRACKING_URI") or _sqlite(self.workspace / "mlflow.db")

    def artifacts(self, project: str) -> str | None:
        """Return where a project's artifacts lie, or None to let the server decide."""
        if os.environ.get("MLFLOW_TRACKING_URI"):
            return None
        return (self.workspace / "mlartifacts" / project).as_uri()

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Give an `MlflowClient`; inside the block MLflow says nothing on the terminal.

        Raises
        ------
        SurroundingsError
            When MLflow or its server does not answer or refuses.
        MissingExtraError
            When MLflow is not installed.
        """
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        uri = self.uri
        if uri not in self._clients:
            self._knock(uri)
        with _quiet():
            try:
                from mlflow import MlflowClient
                from mlflow.exceptions import MlflowException
                from sqlalchemy.exc import SQLAlchemyError
            except ImportError as error:
                raise MissingExtraError("tracking", "loop", found=str(error)) from error
            _mute()
            try:
                if uri not in self._clients:
                    if uri == _sqlite(self.workspace / "mlflow.db"):
                        _make(self.workspace / "mlflow.db", MlflowClient)
                    registry = os.environ.get("MLFLOW_REGISTRY_URI") or uri
                    self._clients[uri] = MlflowClient(uri, registry)
                yield self._clients[uri]
            except (MlflowException, SQLAlchemyError, OSError) as error:
                raise _refused(uri, error) from error

    def _knock(self, uri: str) -> None:
        """Ask a server whether it is there before MLflow asks again and again."""
        if urlsplit(uri).scheme not in {"http", "https"}:
            return
        address = _without_password(uri)
        try:
            with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=_PATIENCE):  # noqa: S310
                pass
        except urllib.error.HTTPError:
            return
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLError):
                # It is there; whether its certificate will do is for MLflow's settings to say.
                return
            what = "the MLflow server does not answer"
            raise SurroundingsError(what, where=address, found=str(reason), hint=_HINT) from error


def _sqlite(path: Path) -> str:
    # A path may hold characters that mean something in an address.
    return "sqlite:///" + str(path).replace("%", "%25").replace("?", "%3F")


def _make(path: Path, open_client: Callable[[str, str], Any]) -> None:
    """Make an empty MLflow database, whole or not at all.

    MLflow does it in seventy steps, and never mends a database left between two of them.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = temporary(path)
    try:
        open_client(_sqlite(new), _sqlite(new))
        sync_file(new)
        with suppress(FileExistsError):
            os.link(new, path)
        sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _refused(uri: str, error: Exception) -> SurroundingsError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    hint = "check that the disk has room and the workspace can be written"
    if os.environ.get("MLFLOW_TRACKING_URI"):
        hint = "check the server and MLFLOW_TRACKING_URI; unset it to keep all in the workspace"
    where = _without_password(uri)
    return SurroundingsError("MLflow refused", where=where, found=lines[0][:300], hint=hint)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow and what it is built on from talking, for this block only."""
    before = {name: logging.getLogger(name).level for name in _TALKERS}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _mute()
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _mute() -> None:
    for name in _TALKERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
