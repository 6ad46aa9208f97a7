"""A real PostgreSQL server for tests, where its programs are on the machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Return the address of a server that asks for a password; it lives as long as the tests."""
    pytest.importorskip("psycopg", reason="no driver for PostgreSQL is installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found:
        pytest.skip("PostgreSQL is not on this machine")
    programs = found[-1].parent
    # Its own folder: who runs the tests may close the folders of tests to every other account.
    folder = Path(tempfile.mkdtemp(prefix="evermodel-postgres-"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    as_user: list[str] = []
    if os.geteuid() == 0:
        # The server refuses to run as root; Debian's package brings this account.
        if shutil.which("runuser") is None or b"postgres:" not in Path("/etc/passwd").read_bytes():
            pytest.skip("PostgreSQL does not run as root, and its own account is missing")
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")

    def run(*command: str) -> None:
        done = subprocess.run([*as_user, *command], capture_output=True, cwd="/tmp", check=False)
        assert done.returncode == 0, done.stderr

    data = str(folder / "data")
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    asks = ("--auth=scram-sha-256", f"--pwfile={secret}")
    run(str(programs / "initdb"), "-D", data, "-U", "shop", "-N", *asks)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run(str(programs / "pg_ctl"), "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
    try:
        yield f"postgresql://shop:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)
