"""Requests a second and p99 of `/predict` beside an echo of the same body, on the loopback.

One row of JSON (20 numbers, 5 categories) to a graph of 300 trees of 31 leaves, the durable
prediction log on; `checked` is the same with a sentence about each of the 20 numbers. Server and
client are processes of their own. It ends by itself in about ten seconds:
`python benchmarks/serving_smoke.py [--seconds 1.2] [--json]`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

CONNECTIONS = (1, 16, 64)
KINDS = ("model", "checked", "echo")
NUMBERS = [f"n{i:02d}" for i in range(20)]
CATEGORIES = [f"c{i}" for i in range(5)]
TREES, LEAVES = 300, 31


def row(generator: np.random.Generator) -> dict[str, Any]:
    """Return one row of simulated input."""
    values = generator.normal(size=len(NUMBERS)).round(4).tolist()
    words = [f"v{i}" for i in generator.integers(0, 10, len(CATEGORIES))]
    return dict(zip(NUMBERS + CATEGORIES, values + words, strict=True))


def trees(generator: np.random.Generator) -> dict[str, Any]:
    """Return the attributes of a random tree ensemble: the shape of a real one, without fitting."""
    table: dict[str, list[Any]] = {
        name: []
        for name in ("treeids", "nodeids", "featureids", "values", "modes", "true", "false")
    }
    targets: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for tree in range(TREES):
        count = itertools.count(1)
        # Split a leaf at random until there are enough: uneven, as leaf-wise growth is.
        children: dict[int, tuple[int, int]] = {}
        leaves = [0]
        while len(leaves) < LEAVES:
            node = leaves.pop(int(generator.integers(len(leaves))))
            children[node] = (next(count), next(count))
            leaves += children[node]
        for node in range(2 * LEAVES - 1):
            left, right = children.get(node, (0, 0))
            inner = node in children
            feature = int(generator.integers(25)) if inner else 0
            level = float(generator.normal()) if feature < 20 else float(generator.integers(10))
            mode = "BRANCH_LEQ" if inner else "LEAF"
            entry = (tree, node, feature, level if inner else 0.0, mode, left, right)
            for name, value in zip(table, entry, strict=True):
                table[name].append(value)
            if not inner:
                weight = float(generator.normal() / TREES)
                for name, value in zip(targets, (tree, node, 0, weight), strict=True):
                    targets[name].append(value)
    prefixed = {f"nodes_{name}": values for name, values in table.items()}
    prefixed["nodes_truenodeids"] = prefixed.pop("nodes_true")
    prefixed["nodes_falsenodeids"] = prefixed.pop("nodes_false")
    return prefixed | {f"target_{name}": values for name, values in targets.items()}


def bundle(folder: Path) -> None:
    """Write the bundle that is served."""
    import msgspec
    import onnx
    from onnx import TensorProto, helper

    from evermodel.bundle import Input, Manifest, Part, rules_of, write_bundle

    generator = np.random.default_rng(0)
    double, text, float_ = TensorProto.DOUBLE, TensorProto.STRING, TensorProto.FLOAT
    domain = "ai.onnx.ml"
    nodes = [
        helper.make_node("Cast", ["numbers"], ["small"], to=float_),
        helper.make_node(
            "LabelEncoder",
            ["strings"],
            ["codes"],
            domain=domain,
            keys_strings=[f"v{i}" for i in range(10)],
            values_floats=[float(i) for i in range(10)],
            default_float=-1.0,
        ),
        helper.make_node("Concat", ["small", "codes"], ["features"], axis=1),
        helper.make_node(
            "TreeEnsembleRegressor",
            ["features"],
            ["margin"],
            domain=domain,
            n_targets=1,
            **trees(generator),
        ),
        helper.make_node("Flatten", ["margin"], ["flat"], axis=0),
        helper.make_node("Squeeze", ["flat"], ["squeezed"]),
        helper.make_node("Reshape", ["squeezed", "shape"], ["line"]),
        helper.make_node("Sigmoid", ["line"], ["score"]),
        helper.make_node("Cast", ["score"], ["probability"], to=double),
    ]
    graph = helper.make_graph(
        nodes,
        "smoke",
        [
            helper.make_tensor_value_info("numbers", double, ["N", len(NUMBERS)]),
            helper.make_tensor_value_info("strings", text, ["N", len(CATEGORIES)]),
        ],
        [helper.make_tensor_value_info("probability", double, ["N"])],
        [helper.make_tensor("shape", TensorProto.INT64, [1], [-1])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(domain, 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(model)
    inputs = [Input(name=name, type="number", low=-4, high=4) for name in NUMBERS]
    words = tuple(f"v{i}" for i in range(10))
    inputs += [Input(name=name, type="category", values=words) for name in CATEGORIES]
    manifest = Manifest(
        project="smoke",
        version=1,
        task="binary",
        target="y",
        inputs=tuple(inputs),
        classes=("no", "yes"),
        positive="yes",
    )
    part = Part(role="graph", path="model.onnx", sha256="", media_type="application/onnx")
    parts = {"graph": (part, model.SerializeToString())}
    write_bundle(folder, manifest, parts)
    sentences = [f"{name} is between -6 and 6" for name in NUMBERS]
    asked = msgspec.json.encode(rules_of(sentences, inputs))
    part = Part(role="checks", path="checks.json", sha256="", media_type="application/json")
    write_bundle(folder.with_name("checked"), manifest, {**parts, "checks": (part, asked)})


def serve_model(folder: Path, name: str) -> None:
    """Serve a bundle, and print the port when ready."""
    from evermodel.bundle import load
    from evermodel.serve import App, Live, PredictionLog, Served, serve
    from evermodel.store import SystemClock

    served = Served(load(folder / name, trusted=None), 1, "smoke-1", "")
    served.warm()
    app = App(Live(served), PredictionLog(folder / "log"), clock=SystemClock())
    serve(app, port=0, on_ready=lambda _, port: print(port, flush=True))


def serve_echo() -> None:
    """Serve the floor: decode the body, encode an answer, nothing else."""
    import socket

    import msgspec
    import uvicorn

    decoder, encoder = msgspec.json.Decoder(), msgspec.json.Encoder()

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body = encoder.encode({"probability": decoder.decode(message["body"])["n00"]})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    options: dict[str, Any] = {"lifespan": "off", "log_config": None, "access_log": False}
    config = uvicorn.Config(echo, http="httptools", ws="none", server_header=False, **options)
    uvicorn.Server(config).run(sockets=[listener])


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is whole."""

    def __init__(self, requests: Any, latencies: list[float], until: float) -> None:
        self.requests, self.latencies, self.until = requests, latencies, until
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self.buffer.decode()))
            return
        self.buffer = b""
        now = time.perf_counter()
        self.latencies.append(now - self.began)
        if now < self.until:
            self._send()
        else:
            self.transport.close()
            self.done.set_result(None)


async def load(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Return requests a second and latencies in ms over so many connections."""
    generator = np.random.default_rng(1)
    bodies = [json.dumps(row(generator)).encode() for _ in range(500)]
    head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    requests = itertools.cycle(
        [head + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies]
    )
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = [
        await loop.create_connection(
            lambda: Connection(requests, latencies, began + seconds), "127.0.0.1", port
        )
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    spent = time.perf_counter() - began
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000
    return {
        "requests": len(latencies),
        "rate": len(latencies) / spent,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
    }


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process: steadier than the clock on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(kind: str, folder: Path, seconds: float) -> dict[int, dict[str, float]]:
    """Start one server, load it, and end it."""
    command = [sys.executable, __file__, "--serve", kind, "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline() if server.stdout else 0)
            asyncio.run(load(port, 16, 0.3))
            found = {}
            for n in CONNECTIONS:
                spent = cpu_seconds(server.pid)
                found[n] = asyncio.run(load(port, n, seconds))
                spent = cpu_seconds(server.pid) - spent
                found[n]["cpu_us"] = spent / found[n]["requests"] * 1e6
            return found
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", choices=KINDS)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.serve in ("model", "checked"):
        serve_model(asked.folder, "bundle" if asked.serve == "model" else "checked")
        return
    if asked.serve == "echo":
        serve_echo()
        return
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        bundle(folder / "bundle")
        found = {kind: measure(kind, folder, asked.seconds) for kind in KINDS}
    if asked.json:
        print(json.dumps(found))
        return
    head = "  p99 ms  cpu us | "
    print(f"connections |  model/s{head}checked/s{head}  echo/s{head}share")
    for n in CONNECTIONS:
        of = [found[kind][n] for kind in KINDS]
        cells = [f"{f['rate']:>8.0f} {f['p99_ms']:>7.2f} {f['cpu_us']:>7.0f}" for f in of]
        print(f"{n:>11} | {' | '.join(cells)} | {of[0]['rate'] / of[-1]['rate']:.2f}")


if __name__ == "__main__":
    main()
