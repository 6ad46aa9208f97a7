"""The reference is complete, and says of every key and field what the code says."""

import json
import re
import tomllib
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from evermodel import project, records
from tests.docs.pages import ROOT, pages

PROJECT_PAGE = (ROOT / "docs/reference/project-file.md").read_text()
SCHEMA = json.loads((ROOT / "docs/reference/output.schema.json").read_text())
TABLES = {
    name: kind for name, kind in get_type_hints(project.Project).items() if isinstance(kind, type)
}
INNER = {
    "project": TABLES["project"],
    **{name: TABLES[name] for name in TABLES if name not in {"project", "root"}},
    "data.reading": project.Reading,
    "data.repairs.COLUMN": project.Repair,
}


def _words(hint: Any) -> str:
    """Return a type in the words of the page."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f"`{json.dumps(choice)}`" for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return "list of texts"
    if get_origin(hint) is dict:
        return f"table of {_words(get_args(hint)[1])}"
    options = [inner for inner in get_args(hint) if inner is not type(None)]
    if options:
        return _words(options[0])
    return {str: "text", float: "number", int: "whole number", bool: "true or false"}[hint]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    return "none" if value is None else f"`{json.dumps(value)}`"


def _rows() -> list[tuple[str, str]]:
    rows = []
    for name, kind in INNER.items():
        hints = get_type_hints(kind)
        for field in msgspec.structs.fields(kind):
            hint = hints[field.name]
            if (name, field.name) in {("data", "reading"), ("data", "repairs")}:
                continue
            key = f"{name}.{field.name}"
            rows.append((key, f"| `{key}` | {_words(hint)} | {_default(field)} |"))
    return rows


@pytest.mark.parametrize(("key", "row"), _rows(), ids=[key for key, _ in _rows()])
def test_every_key_of_the_project_file_stands_in_the_reference(key: str, row: str) -> None:
    lines = [line for line in PROJECT_PAGE.splitlines() if line.startswith(f"| `{key}` |")]
    assert len(lines) == 1, f"write one row for it: {row} meaning |"
    assert lines[0].startswith(row), f"the code says: {row}"
    assert len(lines[0][len(row) :].strip(" |")) > 10, f"say what {key} means"


def test_the_reference_names_no_key_that_is_gone() -> None:
    named = set(re.findall(r"^\| `([a-zA-Z_.]+)` \|", PROJECT_PAGE, flags=re.MULTILINE))
    assert named == {key for key, _ in _rows()}


def test_the_example_of_the_project_file_is_valid() -> None:
    example = re.findall(r"```toml\n(.*?)```", PROJECT_PAGE, flags=re.DOTALL)[0]
    assert project.parse_project(example).data.target


@pytest.mark.parametrize(
    ("place", "text"),
    [
        pytest.param(page.name, block, id=f"{page.name}-{number}")
        for page in pages()
        for number, block in enumerate(
            re.findall(r"```toml\n(.*?)```", page.path.read_text(), flags=re.DOTALL)
        )
    ],
)
def test_every_piece_of_a_project_file_on_a_page_is_valid(place: str, text: str) -> None:
    needed = {"source": "a.csv", "target": "y", "task": "binary"}
    given = tomllib.loads(text).get("data", {})
    lines = "".join(f'{key} = "{value}"\n' for key, value in needed.items() if key not in given)
    head = re.search(r"^\[data\]\n", text, flags=re.MULTILINE)
    whole = text[: head.end()] + lines + text[head.end() :] if head else f"{text}[data]\n{lines}"
    if "[project]" not in text:
        whole += '[project]\nname = "p"\n'
    project.parse_project(whole, path=place)


def test_the_schema_of_the_output_has_exactly_the_fields_of_a_result() -> None:
    result = SCHEMA["$defs"]["result"]
    fields = [field.name for field in msgspec.structs.fields(records.CheckResult)]
    assert list(result["properties"]) == fields
    assert result["required"] == fields
    assert SCHEMA["$defs"]["verdict"]["enum"] == list(get_args(records.Verdict))


def test_the_schema_accepts_a_report_and_refuses_a_stray_field() -> None:
    import jsonschema

    results = [records.CheckResult(name="roc_auc", subject="test", value=0.84, n=1409)]
    document: dict[str, Any] = {
        "schema": "evermodel.train/1",
        "verdict": records.worst(results),
        "results": msgspec.to_builtins(results),
    }
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    validator.validate(document)
    document["results"][0]["p_value"] = 0.05
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document)


def test_the_example_of_the_output_follows_the_schema() -> None:
    import jsonschema

    page = (ROOT / "docs/reference/json-output.md").read_text()
    example = json.loads(re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)[0])
    jsonschema.Draft202012Validator(SCHEMA).validate(example)


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in pages():
        text = re.sub(r"```.*?```", "", page.path.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.path.parent / target).exists(), f"{page.name}: {target}"
