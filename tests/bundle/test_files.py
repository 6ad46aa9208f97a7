"""Bundles on disk: whole or not there, and refused when a byte of them is not what was signed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evermodel.bundle import (
    FORMAT_VERSION,
    Model,
    load,
    read_manifest,
    sign_bundle,
    verify_bundle,
    write_bundle,
)
from evermodel.bundle.manifest import FILE_NAME, canonical, manifest_digest
from evermodel.errors import BundleError, SurroundingsError
from tests.bundle.graphs import (
    KEY,
    NUMBERS,
    TRUSTED,
    binary_graph,
    manifest,
    part,
    sign,
    write,
)


def refused(folder: Path, trusted: dict[str, bytes] | None = TRUSTED) -> BundleError:
    with pytest.raises(BundleError) as caught:
        load(folder, trusted=trusted)
    return caught.value


def alter(folder: Path, **changes: Any) -> None:
    """Rewrite the manifest with some of its fields changed."""
    tree = msgspec.json.decode((folder / FILE_NAME).read_bytes())
    text = msgspec.json.format(msgspec.json.encode({**tree, **changes}), indent=2)
    (folder / FILE_NAME).write_bytes(text)


def test_what_was_written_and_signed_is_loaded_again(tmp_path: Path) -> None:
    written = write(tmp_path / "b", more={"sample": b"[]"}, metrics={"roc_auc": 0.9})
    assert load(tmp_path / "b", trusted=None).manifest == written
    signed = sign(tmp_path / "b")
    model = load(tmp_path / "b", trusted=TRUSTED)
    assert model.manifest == signed
    assert signed.version == 1
    assert signed.metrics == {"roc_auc": 0.9}
    assert model.part("sample") == b"[]"
    assert model.part("card") is None
    assert model.part("graph") is None
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(
        ["b", FILE_NAME, "model.onnx", "sample.json"]
    )


def test_every_altered_byte_of_every_part_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "b", more={"sample": b"[1, 2]", "card": b"{}"})
    sign(tmp_path / "b")
    for path in (tmp_path / "b").iterdir():
        if path.name == FILE_NAME:
            continue
        content = path.read_bytes()
        for place in range(len(content)):
            path.write_bytes(bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]]))
            with pytest.raises(BundleError, match="altered"):
                verify_bundle(tmp_path / "b", TRUSTED)
        for other in (content[:-1], content + b"\n", b""):
            path.write_bytes(other)
            with pytest.raises(BundleError, match="altered"):
                verify_bundle(tmp_path / "b", TRUSTED)
        path.write_bytes(content)
    verify_bundle(tmp_path / "b", TRUSTED)


def test_every_altered_byte_of_the_manifest_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "b", more={"sample": b"[]"}, metrics={"roc_auc": 0.9})
    sign(tmp_path / "b")
    path = tmp_path / "b" / FILE_NAME
    content = path.read_bytes()
    for place, byte in enumerate(content):
        # A space becomes another space, a letter its other case: what JSON does not mind.
        other = {b" ": b"\t", b"\n": b"\r"}.get(bytes([byte]), bytes([byte ^ 32]))
        for change in (other, bytes([byte ^ 1])) if place % 3 == 0 else (other,):
            path.write_bytes(content[:place] + change + content[place + 1 :])
            with pytest.raises(BundleError):
                verify_bundle(tmp_path / "b", TRUSTED)
    path.write_bytes(content)
    verify_bundle(tmp_path / "b", TRUSTED)


def test_a_field_that_this_version_does_not_know_cannot_be_slipped_in(tmp_path: Path) -> None:
    write(tmp_path / "b")
    sign(tmp_path / "b")
    alter(tmp_path / "b", hook="rm -rf")
    assert refused(tmp_path / "b").what == "the bundle's signature does not fit its content"


def test_a_field_that_a_later_version_signed_does_not_break_this_one(tmp_path: Path) -> None:
    write(tmp_path / "b")
    tree = msgspec.json.decode((tmp_path / "b" / FILE_NAME).read_bytes())
    tree |= {"later": {"b": 1.5, "a": [None]}, "key_id": "ours", "signature": ""}
    tree["signature"] = KEY.sign(msgspec.json.encode(tree, order="sorted")).hex()
    alter(tmp_path / "b", **tree)
    assert load(tmp_path / "b", trusted=TRUSTED).manifest.key_id == "ours"


def test_an_unsigned_bundle_is_loaded_only_where_none_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "b")
    assert refused(tmp_path / "b").what == "the bundle is not signed"
    assert refused(tmp_path / "b", {}).what == "the bundle is not signed"
    load(tmp_path / "b", trusted=None)


def test_a_bundle_that_another_key_signed_is_refused(tmp_path: Path) -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    write(tmp_path / "b")
    sign(tmp_path / "b", stranger, "theirs")
    assert "not trusted here" in refused(tmp_path / "b").what
    sign(tmp_path / "b", stranger, "ours")
    assert "does not fit" in refused(tmp_path / "b").what
    sign_bundle(tmp_path / "b", lambda _: b"", "ours")
    assert "not signed" in refused(tmp_path / "b").what
    sign_bundle(tmp_path / "b", lambda _: b"short", "ours")
    assert "does not fit" in refused(tmp_path / "b").what
    alter(tmp_path / "b", signature="no hex")
    assert "does not fit" in refused(tmp_path / "b").what
    sign(tmp_path / "b")
    assert "does not fit" in refused(tmp_path / "b", {"ours": b"not a key"}).what
    load(tmp_path / "b", trusted=TRUSTED)


@pytest.mark.parametrize(
    "path", ["../model.onnx", "/etc/hostname", "a/../../x", "", ".", FILE_NAME, "./" + FILE_NAME]
)
def test_a_part_outside_the_bundle_is_neither_written_nor_read(tmp_path: Path, path: str) -> None:
    with pytest.raises(BundleError, match="outside the bundle"):
        write_bundle(tmp_path / "b", manifest(), {"sample": (part("sample", path), b"[]")})
    assert not list(tmp_path.iterdir())
    (tmp_path / "model.onnx").write_bytes(binary_graph(len(NUMBERS)))
    made = write(tmp_path / "c")
    parts = msgspec.to_builtins(made.parts)
    alter(tmp_path / "c", parts=[{**parts[0], "path": path}])
    assert refused(tmp_path / "c", None).what == "a part lies outside the bundle"


def test_a_name_that_no_disk_can_hold_is_refused(tmp_path: Path) -> None:
    made = write(tmp_path / "b")
    alter(tmp_path / "b", parts=[{**msgspec.to_builtins(made.parts[0]), "path": "a\0b"}])
    assert refused(tmp_path / "b", None).what == "a part lies outside the bundle"


def test_a_link_out_of_the_bundle_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "b")
    graph = tmp_path / "b" / "model.onnx"
    graph.rename(tmp_path / "elsewhere")
    graph.symlink_to(tmp_path / "elsewhere")
    assert refused(tmp_path / "b", None).what == "a part lies outside the bundle"


def test_a_part_that_is_absent_a_folder_or_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    write(tmp_path / "b")
    graph = tmp_path / "b" / "model.onnx"
    graph.unlink()
    assert refused(tmp_path / "b", None).found == "No such file or directory"
    os.mkfifo(graph)
    assert refused(tmp_path / "b", None).found == "not a file"
    graph.unlink()
    graph.mkdir()
    assert refused(tmp_path / "b", None).found == "not a file"


def test_a_later_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "b")
    alter(tmp_path / "b", format_version=FORMAT_VERSION + 1, inputs="of another form by then")
    error = refused(tmp_path / "b", None)
    assert "later format" in error.what
    assert error.hint == "pip install --upgrade evermodel"


def test_a_required_part_that_is_unknown_is_refused_and_an_optional_one_kept(
    tmp_path: Path,
) -> None:
    made = write(tmp_path / "b", more={"sample": b"[]"})
    graph, sample = (msgspec.to_builtins(item) for item in made.parts)
    alter(tmp_path / "b", parts=[graph, {**sample, "role": "text model"}])
    assert load(tmp_path / "b", trusted=None).part("text model") == b"[]"
    alter(tmp_path / "b", parts=[graph, {**sample, "role": "text model", "required": True}])
    error = refused(tmp_path / "b", None)
    assert "'text model'" in error.what
    assert error.hint == "pip install --upgrade evermodel"


def test_a_part_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    made = write(tmp_path / "b")
    graph = msgspec.to_builtins(made.parts[0])
    alter(tmp_path / "b", parts=[graph, graph])
    assert refused(tmp_path / "b", None).what == "the bundle holds a part twice"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"format_version": "one"}',
        b'{"format_version": 1.5}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"project": 1}',
    ],
)
def test_a_damaged_manifest_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "b")
    (tmp_path / "b" / FILE_NAME).write_bytes(content)
    for trusted in (None, TRUSTED):
        assert refused(tmp_path / "b", trusted).what == "the manifest is damaged"


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "nothing").what == "this is not a bundle"
    assert refused(tmp_path).what == "this is not a bundle"
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file").what == "this is not a bundle"


def test_a_graph_that_cannot_be_run_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    draft = manifest(inputs=NUMBERS)
    write_bundle(tmp_path / "a", draft, {"graph": (part("graph", "g"), b"no graph")})
    assert refused(tmp_path / "a", None).what == "the bundle's graph cannot be run"
    other = msgspec.structs.replace(draft, task="regression")
    graph = (part("graph", "g"), binary_graph(len(NUMBERS)))
    write_bundle(tmp_path / "b", other, {"graph": graph})
    assert "does not answer with 'value'" in refused(tmp_path / "b", None).what
    write_bundle(tmp_path / "c", draft, {})
    assert refused(tmp_path / "c", None).what == "the bundle holds no graph"


def test_the_same_content_has_the_same_digest_and_other_content_another(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    write(tmp_path / "c", threshold=0.25)
    write(tmp_path / "d", more={"sample": b"[]"})
    digests = [load(tmp_path / name, trusted=None).digest for name in "abcd"]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    unsigned = msgspec.structs.replace(read_manifest(tmp_path / "a"), version=1)
    sign(tmp_path / "a")
    signed = read_manifest(tmp_path / "a")
    assert manifest_digest(signed) == manifest_digest(unsigned)
    assert canonical(signed) != canonical(unsigned)


def test_a_manifest_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="damaged"):
        write(tmp_path / "b", metrics={"roc_auc": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_bundle_is_never_written_over_another(tmp_path: Path) -> None:
    write(tmp_path / "b")
    before = (tmp_path / "b" / FILE_NAME).read_bytes()
    with pytest.raises(BundleError, match="something already"):
        write(tmp_path / "b", threshold=0.1)
    assert (tmp_path / "b" / FILE_NAME).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_parts_may_lie_in_folders_of_the_bundle(tmp_path: Path) -> None:
    parts = {
        "graph": (part("graph", "deep/er/model.onnx"), binary_graph(len(NUMBERS))),
        "sample": (part("sample", "deep/sample.json"), b"[]"),
    }
    write_bundle(tmp_path / "b", manifest(inputs=NUMBERS), parts)
    assert load(tmp_path / "b", trusted=None).part("sample") == b"[]"


def test_a_disk_that_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SurroundingsError, match="File exists"):
        write(tmp_path / "file" / "b")
    long = {"sample": (part("sample", "x" * 300), b"[]")}
    with pytest.raises(SurroundingsError, match="File name too long"):
        write_bundle(tmp_path / "b", manifest(), long)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


_FULL = """
import resource, signal, sys
from pathlib import Path
from evermodel.bundle import write_bundle
from evermodel.errors import SurroundingsError
from tests.bundle.graphs import manifest, part
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    parts = {"graph": (part("graph", "g"), b"1"), "sample": (part("sample", "s"), bytes(1_000_000))}
    write_bundle(Path(sys.argv[1]) / "b", manifest(), parts)
except SurroundingsError as error:
    print(error.what)
"""


def test_a_file_that_cannot_be_written_to_its_end_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "there is no space left to write to\n"
    assert not list(tmp_path.iterdir())


_WRITING = """
import itertools, sys
from pathlib import Path
from evermodel.bundle import write_bundle
from tests.bundle.graphs import manifest, part
parts = {"graph": (part("graph", "g"), b"1" * 200_000), "sample": (part("sample", "s"), b"2" * 999)}
print("ready", flush=True)
for number in itertools.count():
    write_bundle(Path(sys.argv[1]) / str(number), manifest(), parts)
"""


@pytest.mark.slow
def test_a_bundle_is_whole_or_not_there_however_its_writer_is_killed(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    seen = 0
    for turn in range(5):
        home = tmp_path / str(turn)
        home.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", _WRITING, str(home)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(generator.uniform(0.02, 0.2))
            writer.send_signal(signal.SIGKILL)
        for folder in home.iterdir():
            if not folder.name.startswith("."):
                verify_bundle(folder, None)
                seen += 1
    assert seen


def test_a_model_is_made_of_parts_that_hold_a_graph() -> None:
    graph = binary_graph(len(NUMBERS))
    model = Model(manifest(inputs=NUMBERS), {"graph": graph, "card": b"x"})
    assert model.part("card") == b"x"
    with pytest.raises(BundleError, match="holds no graph"):
        Model(manifest(), {})
