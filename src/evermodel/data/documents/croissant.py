"""A data set described for machines: Croissant 1.1 with the fields of its RAI 1.0 vocabulary.

Croissant (MLCommons, version 1.1 of 2026) is JSON-LD on top of schema.org; RAI (version 1.0 of
2024) adds what responsible use asks for. What nobody has said yet is left out of the document and
listed as a gap, with where to say it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from evermodel.data.documents.answers import ANSWERS_FILE, Answers, Catalogue
from evermodel.data.documents.croissant_rows import RowsFile
from evermodel.data.documents.datasheet import Datasheet
from evermodel.data.documents.table_facts import ColumnFacts
from evermodel.records import Record
from evermodel.report.wording import percent, plain_name

__all__ = ["RECORDS", "Gap", "croissant", "field_id", "missing_fields"]

RECORDS = "rows"
"""The name of the record set."""

_CONFORMS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_TYPES = {"boolean": "sc:Boolean", "timestamp": "sc:DateTime", "text": "sc:Text"}
# Findings that speak of who or what the rows represent.
_OF_BIAS = frozenset({"representation", "proxy", "missing_by_group", "label_rate_by_group"})
_NONE = frozenset({"none", "no", "nothing"})
_KEPT = frozenset("-_~.")

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "annotation": "cr:annotation",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "excludes": "cr:excludes",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "readLines": "cr:readLines",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "sdVersion": "cr:sdVersion",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "unArchive": "cr:unArchive",
    "value": "cr:value",
}

# Required by Croissant 1.1; the minimal RAI fields that tracks for data sets ask for stand below.
_CORE = {
    "@context": "",
    "@type": "",
    "conformsTo": "",
    "name": "catalogue.name",
    "description": "catalogue.description",
    "license": "catalogue.licence",
    "url": "catalogue.url",
    "creator": "catalogue.creators or catalogue.organisations",
    "datePublished": "catalogue.published",
    "distribution": "",
}
_MINIMAL_RAI = {
    "rai:dataLimitations": "uses.limits",
    "rai:dataBiases": "composition.biases",
    "rai:personalSensitiveInformation": "composition.sensitive",
    "rai:dataUseCases": "uses.intended",
    "rai:dataSocialImpact": "uses.impact",
    "rai:hasSyntheticData": "catalogue.synthetic",
    "prov:wasDerivedFrom": "catalogue.derived_from",
    "prov:wasGeneratedBy": "collection.process",
}


class Gap(Record, frozen=True, kw_only=True):
    """A field that a document lacks: whether Croissant or RAI asks for it, and how to fill it."""

    field: str
    asked_by: str
    fill: str


def croissant(sheet: Datasheet, rows: RowsFile) -> dict[str, Any]:
    """Return the Croissant document of a data set, as JSON-LD.

    Parameters
    ----------
    sheet : Datasheet
        What was measured, found and answered.
    rows : RowsFile
        The file with the rows; the record set "rows" reads it, a field a column.

    Examples
    --------
    >>> from evermodel.data.documents.table_facts import ColumnFacts, TableFacts
    >>> facts = TableFacts(rows=2, columns=(ColumnFacts(name="plan", type="category", rows=2),))
    >>> rows = RowsFile(path="a.csv", format="text/csv", size=9, sha256="0" * 64,
    ...                 columns={"plan": "plan"})
    >>> document = croissant(Datasheet(name="plans", facts=facts), rows)
    >>> document["recordSet"][0]["field"][0]["@id"], document["distribution"][0]["contentUrl"]
    ('rows/plan', 'a.csv')
    """
    catalogue = sheet.answers.catalogue
    found: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(_CONFORMS),
        "name": sheet.name,
        "description": catalogue.description,
        "license": _licence(catalogue.licence),
        "url": catalogue.url,
        "creator": _creators(catalogue),
        "datePublished": catalogue.published,
        "version": catalogue.version,
        "keywords": list(catalogue.keywords),
        "inLanguage": list(catalogue.languages),
        "citeAs": catalogue.citation,
        "temporalCoverage": f"{sheet.facts.first}/{sheet.facts.last}" if sheet.facts.first else "",
        "funding": _funding(sheet.answers["motivation.funding"]),
        **_responsible(sheet),
        **_provenance(sheet),
        "distribution": [_file(rows)],
        "recordSet": [_record_set(sheet, rows)],
    }
    return {key: value for key, value in found.items() if value or value is False}


def field_id(name: str) -> str:
    """Return the identifier of the field of a column, which is the key in the records of readers.

    Letters, digits and a few signs stand as they are; others as in an address, so that any name
    of a column gives an identifier of its own.

    Examples
    --------
    >>> field_id("Größe"), field_id("unit price"), field_id("..")
    ('rows/Größe', 'rows/unit%20price', 'rows/%2E%2E')
    """
    if not name.strip("."):
        return f"{RECORDS}/" + (name.replace(".", "%2E") or "%00")
    written = (c if c.isalnum() or c in _KEPT else quote(c, safe="") for c in name)
    return f"{RECORDS}/{''.join(written)}"


def missing_fields(document: Mapping[str, Any], answers: Answers | None = None) -> tuple[Gap, ...]:
    """Return the fields that a Croissant document lacks, those that Croissant requires first.

    Validators let some of them pass, such as a name that is not there. Where `answers` are given, a
    field that holds measurements alone counts as lacking until people have said their part.

    Examples
    --------
    >>> [gap.field for gap in missing_fields({"@type": "sc:Dataset", "name": " "})][:3]
    ['@context', 'conformsTo', 'name']
    >>> missing_fields({})[-1].fill
    'answer collection.process in datasheet.toml'
    """
    unsaid = {question.name for question in answers.open} if answers is not None else set()
    return tuple(_lacking(document, unsaid))


def _lacking(document: Mapping[str, Any], unsaid: Collection[str]) -> Iterator[Gap]:
    for fields, asked_by in ((_CORE, "Croissant 1.1"), (_MINIMAL_RAI, "minimal RAI fields")):
        for field, where in fields.items():
            if _empty(document.get(field)) or where in unsaid:
                fill = f"answer {where} in {ANSWERS_FILE}" if where else "write the document again"
                yield Gap(field=field, asked_by=asked_by, fill=fill)


def _empty(value: Any) -> bool:
    if isinstance(value, bool | int | float):
        return False
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list | tuple):
        return all(map(_empty, value))
    return not value


def _licence(text: str) -> Any:
    is_address = text.lower().startswith(("http://", "https://"))
    return text if is_address or not text else {"@type": "sc:CreativeWork", "name": text}


def _creators(catalogue: Catalogue) -> list[dict[str, str]]:
    people = [{"@type": "sc:Person", "name": name} for name in catalogue.creators]
    return people + [{"@type": "sc:Organization", "name": n} for n in catalogue.organisations]


def _funding(text: str) -> dict[str, str]:
    return {"@type": "sc:Grant", "description": text} if text else {}


def _responsible(sheet: Datasheet) -> dict[str, Any]:
    """Return the RAI fields: what was answered, then what was measured of it."""
    said = sheet.answers
    avoid = f"Not to be used for: {said['uses.avoid']}" if said["uses.avoid"] else ""
    contact = f"Contact: {said['maintenance.contact']}" if said["maintenance.contact"] else ""
    why = f"Collected for: {said['motivation.why']}" if said["motivation.why"] else ""
    biased = [r.why for r in sheet.findings if r.name in _OF_BIAS and r.verdict in ("warn", "fail")]
    return {
        "rai:dataCollection": said["collection.process"],
        "rai:dataCollectionMissingData": _missing(sheet),
        "rai:dataPreprocessingProtocol": _several(said["preprocessing.steps"]),
        "rai:dataUseCases": _several(said["uses.intended"], why if said["uses.intended"] else ""),
        "rai:dataLimitations": _several(said["uses.limits"], avoid),
        "rai:dataBiases": _several(said["composition.biases"], *biased),
        "rai:personalSensitiveInformation": _several(said["composition.sensitive"], *_seen(sheet)),
        "rai:dataSocialImpact": said["uses.impact"],
        # Many by the vocabulary, one to readers: one text suits both.
        "rai:dataReleaseMaintenancePlan": " ".join(_several(said["maintenance.plan"], contact)),
        "rai:hasSyntheticData": said.catalogue.synthetic,
    }


def _several(*texts: str) -> list[str]:
    return [text for text in texts if text]


def _seen(sheet: Datasheet) -> list[str]:
    """Return what was measured about persons."""
    told = []
    if sheet.facts.personal:
        told.append(f"Columns that look like personal data: {', '.join(sheet.facts.personal)}.")
    if sheet.facts.protected:
        told.append(f"Columns that tell a protected trait: {', '.join(sheet.facts.protected)}.")
    return told


def _missing(sheet: Datasheet) -> str:
    gaps = [column for column in sheet.facts.columns if column.missing]
    if not gaps:
        return "Measured: no cell is without a value."
    worst = max(gaps, key=lambda column: column.missing)
    columns = len(sheet.facts.columns)
    return (
        f"Measured: {len(gaps)} of {columns} columns have cells without a value; most in"
        f" {worst.name!r}, {percent(worst.missing / worst.rows)} of its {worst.rows:,} rows."
    )


def _provenance(sheet: Datasheet) -> dict[str, Any]:
    derived = sheet.answers.catalogue.derived_from
    steps = (("Collection", "collection.process"), ("Preprocessing", "preprocessing.steps"))
    made = [
        {"@type": "prov:Activity", "prov:label": label, "description": sheet.answers[name]}
        for label, name in steps
        if sheet.answers[name]
    ]
    return {
        "prov:wasDerivedFrom": [_origin(text) for text in derived],
        "prov:wasGeneratedBy": made if sheet.answers["collection.process"] else [],
    }


def _origin(text: str) -> dict[str, str]:
    if text.lower() in _NONE:
        return {"@type": "prov:Entity", "prov:label": "none: these are the original data"}
    if "://" in text and not any(letter.isspace() for letter in text):
        return {"@id": text}
    return {"@type": "prov:Entity", "prov:label": text}


def _file(rows: RowsFile) -> dict[str, str]:
    found = {
        "@type": "cr:FileObject",
        "@id": "rows-file",
        "name": rows.name,
        "contentUrl": rows.path,
        "contentSize": f"{rows.size} B",
        "encodingFormat": rows.format,
        "sha256": rows.sha256,
    }
    if rows.why:
        found["description"] = "The rows as they were read, with types and gaps; a copy as parquet."
    return found


def _record_set(sheet: Datasheet, rows: RowsFile) -> dict[str, Any]:
    keys = [c for c in sheet.facts.columns if c.role == "key" and c.identifies]
    found: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": RECORDS,
        "name": RECORDS,
        "description": f"{sheet.facts.rows:,} rows of {len(sheet.facts.columns):,} columns.",
    }
    if keys:
        found["key"] = {"@id": field_id(keys[0].name)}
    found["field"] = [_field(column, rows) for column in sheet.facts.columns]
    return found


def _field(column: ColumnFacts, rows: RowsFile) -> dict[str, Any]:
    kind = _TYPES.get(column.type, "sc:Text")
    if column.type == "number":
        kind = "sc:Integer" if column.whole else "sc:Float"
    gaps = f"{column.missing:,} of {column.rows:,} rows have no value." if column.missing else ""
    role = f"{plain_name(column.role)}." if column.role else ""
    found = {
        "@type": "cr:Field",
        "@id": field_id(column.name),
        "name": column.name or rows.columns[column.name],
        "description": " ".join(part for part in (role, gaps) if part),
        "dataType": [kind, "cr:Label"] if column.role == "target" else kind,
        "source": {
            "fileObject": {"@id": "rows-file"},
            "extract": {"column": rows.columns[column.name]},
        },
    }
    return {key: value for key, value in found.items() if value}
