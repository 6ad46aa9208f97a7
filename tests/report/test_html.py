"""Pages: one file, no script, nothing from outside, readable by all, right when empty."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from evermodel.records import CheckResult, Deployment, Event, Report, Verdict
from evermodel.report import page, project_page, results_table, verdict_banner
from evermodel.report.html import NARROW, Section, facts, ledger_table, marked
from evermodel.report.style import DARK, LIGHT
from tests.report.sample import METRICS, whole_project

VOID = {"meta", "link", "br", "img", "input", "hr"}


class _Reader(HTMLParser):
    """Notes every element and fails on a tag that is not closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert not reader._open
    return reader


def _sayings(text: str) -> str:
    return " ".join(_read(text).text)


WHOLE = project_page(**whole_project())
EMPTY = project_page(name="shop-churn", made="2026-03-01T08:00:00+00:00")


@pytest.mark.parametrize("text", [WHOLE, EMPTY], ids=["whole", "empty"])
def test_a_page_is_one_file_without_scripts_and_asks_for_nothing(text: str) -> None:
    reader = _read(text)
    assert not {"script", "link", "iframe", "object", "embed", "img"} & {
        name for name, _ in reader.elements
    }
    for _, attributes in reader.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action", "srcset", "data"):
            assert (attributes.get(name) or "#").startswith("#")
    addresses = set(re.findall(r"https?://[^\"'\s<]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("text", [WHOLE, EMPTY], ids=["whole", "empty"])
def test_a_page_can_be_read_by_all(text: str) -> None:
    reader = _read(text)
    assert reader.named("html")[0]["lang"] == "en"
    assert len(reader.named("h1")) == 1
    levels = [int(name[1]) for name, _ in reader.elements if re.fullmatch(r"h[1-6]", name)]
    assert all(b - a <= 1 for a, b in pairwise(levels))
    ids = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a.get("aria-labelledby") for a in reader.named("section")} <= set(ids)
    assert all(a.get("aria-label") for a in reader.named("svg"))
    assert all(a.get("scope") for a in reader.named("th"))
    boxes = [a for _, a in reader.elements if a.get("class") == "scroll"]
    assert len(boxes) == len(reader.named("table"))
    assert all(a.get("tabindex") == "0" and a.get("aria-label") for a in boxes)


def test_every_picture_has_a_size_for_narrow_pages() -> None:
    for part in re.split(r'<div class="narrow">', WHOLE)[1:]:
        width = re.search(r'<svg[^>]* width="(\d+)', part)
        assert width is not None
        assert int(width[1]) <= NARROW


def test_the_verdict_comes_before_everything_else() -> None:
    names = [a.get("class") or "" for _, a in _read(WHOLE).elements]
    assert names.index("banner warn") < names.index("facts") < names.index("scroll")
    assert "On the test rows it does not reach what was asked: Recall." in WHOLE


def test_empty_parts_say_why_and_what_next() -> None:
    said = _sayings(EMPTY)
    assert "Nothing is live yet" in said
    for verb in ("train", "evaluate", "monitor", "check"):
        assert f"evermodel {verb}" in said
    assert EMPTY.count('class="empty"') == 5


def test_a_live_version_that_nobody_watched_is_not_called_good() -> None:
    live = Deployment(project="p", shares={1: 1.0}, since="2026-03-01T08:00:00+00:00")
    text = project_page(name="p", made="2026-03-02T08:00:00+00:00", deployment=live)
    assert "Not watched yet" in text
    failed = Report(verb="evaluate", results=METRICS)
    text = project_page(name="p", made="2026-03-02", deployment=live, evaluation=failed)
    assert "Do not rely on it now" in text


@pytest.mark.parametrize(
    ("verdict", "state", "say"),
    [
        ("fail", "broken data", "Do not rely on it now"),
        ("fail", "harmful change", "Do not rely on it now"),
        ("pass", "steady", "You can rely on it"),
        ("unknown", "too few to say", "Too few to say"),
    ],
)
def test_the_banner_says_what_monitoring_found(verdict: Verdict, state: str, say: str) -> None:
    action = CheckResult(
        name="action", verdict=verdict, why="Because.", evidence={"state": state, "columns": []}
    )
    live = Deployment(project="p", shares={1: 0.9, 2: 0.1}, since="2026-03-01T08:00:00+00:00")
    text = project_page(
        name="p",
        made="2026-03-02",
        deployment=live,
        monitor=Report(verb="monitor", results=(action,)),
    )
    assert f"</span> {say}</p><p>Because.</p>" in text
    assert "version 1 (90 %), version 2 (10 %)" in text


def test_the_way_back_is_advised_only_where_there_is_one() -> None:
    monitor = Report(
        verb="monitor",
        subject="shop/2",
        results=(
            CheckResult(
                name="action",
                verdict="fail",
                why="It is worse.",
                evidence={"state": "harmful change"},
            ),
        ),
    )
    told = {}
    for previous in (None, 1):
        live = Deployment(
            project="shop", shares={2: 1.0}, since="2026-01-01T00:00:00Z", previous=previous
        )
        told[previous] = project_page(
            name="shop", made="2026-02-01T00:00:00Z", deployment=live, monitor=monitor
        )
    assert "go back to the version before" in told[1]
    assert "go back" not in told[None]
    assert "evermodel retrain" in told[None]


def test_what_was_said_and_what_was_true_stand_in_one_table() -> None:
    facts = {"classes": ["no", "<yes>"], "confusion": [[80, 5], [9, 1206]]}
    evaluation = Report(verb="evaluate", subject="test", results=METRICS, facts=facts)
    text = project_page(name="shop", made="2026-02-01T00:00:00Z", evaluation=evaluation)
    assert "It was right for 1,286 of 1,300 rows (98.9 %)." in text
    row = text[text.index("it said no") :]
    assert (
        row.index(">&lt;yes&gt;<") < row.index(">9<") < row.index(">1,206<") < row.index(">1,215<")
    )
    many = {"classes": [str(n) for n in range(40)], "confusion": [[1] * 40] * 40}
    evaluation = Report(verb="evaluate", subject="test", results=METRICS, facts=many)
    assert "it said" not in project_page(
        name="shop", made="2026-02-01T00:00:00Z", evaluation=evaluation
    )


def test_words_of_strangers_stay_words() -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    whole = whole_project()
    result = CheckResult(name=evil, subject=evil, slice=evil, unit=evil, value=1.0, why=evil)
    event = Event(
        seq=1,
        time=evil,
        project=evil,
        kind=evil,
        actor=evil,
        body={"version": evil, "reason": evil},
        previous="",
        hash="",
    )
    drift = CheckResult(
        name="drift",
        subject=evil,
        value=0.5,
        verdict="warn",
        why=evil,
        evidence={"bins": {"labels": [evil], "reference": [1.0], "current": [1.0]}},
    )
    version = msgspec.structs.replace(whole["versions"][0], digest=evil, created=evil)
    report = Report(verb="x", results=(result, drift))
    whole |= {"name": evil, "made": evil, "events": [event], "versions": [version]}
    whole |= {"evaluation": report, "check": report, "monitor": report}
    reader = _read(project_page(**whole))
    assert not reader.named("script")
    assert not reader.named("img")


def test_a_page_of_any_sections_stands_by_itself() -> None:
    text = page("t", [Section(title="q", body="<p>a</p>", lead="l")], footer="f")
    assert _sayings(text).split()[-4:] == ["q", "l", "a", "f"]


def test_results_are_sorted_and_empty_columns_left_out() -> None:
    text = results_table(METRICS)
    verdicts = re.findall(r'<span class="tag (\w+)"', text)
    assert verdicts == ["fail", "warn", "unknown", "pass"]
    assert text.count('<span class="tag">measured</span>') == 3
    assert "95 % interval" in text
    bare = results_table([CheckResult(name="rows")])
    assert "interval" not in bare
    assert "Why" not in bare


def test_the_newest_event_stands_on_top_in_plain_words() -> None:
    text = ledger_table(whole_project()["events"])
    assert text.index("Went back") < text.index("Put live") < text.index("Trained a candidate")


def test_facts_that_are_not_known_are_a_dash() -> None:
    text = facts({"a": None, "b": True, "c": "", "d": 12345, "e": "x"})
    assert re.findall("<dd>(.*?)</dd>", text) == [
        "\N{EN DASH}",
        "yes",
        "\N{EN DASH}",
        "12,345",
        "x",
    ]


def test_only_pairs_of_backticks_make_code() -> None:
    assert marked("a `b` c") == "a <code>b</code> c"
    assert marked("a ` b") == "a ` b"


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(colours: dict[str, str]) -> None:
    pairs: list[tuple[str, str]] = [
        *((text, ground) for text in ("ink", "muted", "accent") for ground in ("paper", "panel")),
        *((verdict, "paper") for verdict in ("pass", "warn", "fail", "unknown")),
        *((v, f"{v}-soft") for v in ("pass", "warn", "fail", "unknown")),
        *((t, f"{v}-soft") for v in ("pass", "warn", "fail", "unknown") for t in ("ink", "muted")),
    ]
    for text, ground in pairs:
        ratio = _contrast(colours[text], colours[ground])
        assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


def _contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_banner_needs_no_reason() -> None:
    assert verdict_banner("pass", "Fine").count("<p") == 1


def test_a_whole_page_is_small() -> None:
    assert len(WHOLE.encode()) < 200_000


def test_reports_without_any_result_are_empty_parts() -> None:
    nothing: dict[str, Any] = {
        verb: Report(verb=verb) for verb in ("evaluation", "check", "monitor")
    }
    assert project_page(name="p", made="2026-01-01", **nothing).count('class="empty"') == 5
