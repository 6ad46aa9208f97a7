"""Texts for numbers and times are read alike through every protocol, and logged as values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evermodel.serve import PredictionLog, read_segments
from tests.serve.client import serving
from tests.serve.models import german

ROW = {"amount": "1.234,50 €", "since": "05.06.2025 10:30"}
INFER = "/v2/models/german/infer"


def bytes_of(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "inputs": [
            {"name": name, "datatype": "BYTES", "shape": [1], "data": [value]}
            for name, value in row.items()
        ]
    }


def test_every_protocol_reads_a_text_as_the_training_file_had_it(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log")
    with serving(german(tmp_path), log=log) as client:
        plain = client.post("/predict", ROW).json()["prediction"]
        typed = client.post("/predict", {"amount": 1234.5, "since": "2025-06-05T10:30"}).json()
        tensors = client.post(INFER, bytes_of(ROW)).json()["outputs"][0]["data"]
        frame = client.post("/invocations", {"dataframe_records": [ROW]}).json()
        text = 'amount,since\n"1.234,50 €",05.06.2025 10:30\n'.encode()
        table = client.post("/invocations", text, Content_Type="text/csv").json()
    assert (plain, typed["prediction"], tensors) == (1234.5, 1234.5, [1234.5])
    assert frame["predictions"][0]["prediction"] == 1234.5
    assert table["predictions"][0]["prediction"] == 1234.5
    rows = [row["features"] for _, found in read_segments(tmp_path / "log") for row in found]
    assert len(rows) == 5
    assert {row["amount"] for row in rows} == {1234.5}
    assert {row["since"] for row in rows} == {"2025-06-05T10:30:00", "2025-06-05T10:30"}


@pytest.mark.parametrize(
    "wrong", [{"amount": "1234.5"}, {"amount": "$5"}, {"since": "06/31/2025"}, {"since": "soon"}]
)
def test_every_protocol_refuses_a_text_of_other_marks(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    row = {**ROW, **wrong}
    field = next(iter(wrong))
    with serving(german(tmp_path)) as client:
        said = client.post("/predict", row)
        assert said.status == 422
        assert [one["field"] for one in said.json()["problems"]] == [field]
        assert "a text such as" in said.json()["problems"][0]["expected"]
        assert client.post(INFER, bytes_of(row)).status == 400
        assert client.post("/invocations", {"dataframe_records": [row]}).status == 422
        text = f'amount,since\n"{row["amount"]}",{row["since"]}\n'.encode()
        assert client.post("/invocations", text, Content_Type="text/csv").status == 422


def test_the_description_tells_how_texts_are_read(tmp_path: Path) -> None:
    with serving(german(tmp_path)) as client:
        columns = client.get("/openapi.json").json()["components"]["schemas"]["Record"]
    amount, since = (columns["properties"][name] for name in ROW)
    assert amount["type"] == ["number", "string", "null"]
    assert "1.234,50 €" in amount["description"]
    assert "31.01.2026" in since["description"]
