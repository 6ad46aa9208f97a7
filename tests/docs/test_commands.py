"""Everything that the documentation tells a reader to type is typed here."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Page, Step, pages
from tests.docs.shell import STARTS, Reader, command_parser, customers, verbs

PAGES = pages()
COMMANDS = [
    pytest.param(page, step, id=f"{page.name}:{step.line}")
    for page in PAGES
    for step in page.steps
    if step.kind == "command"
]
MAKE_TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
PROGRAMS = {"evermodel", "curl", "python", "python3", "cat", "head", "pip", "make", "git", "cd"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name)
        for page in PAGES
        if any(not step.skip for step in page.steps)
    ],
)
def test_every_step_of_the_page_does_what_it_says(
    page: Page, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    command_parser()
    if page.start in {"champion", "second"}:
        shutil.copytree(request.getfixturevalue(page.start), tmp_path, dirs_exist_ok=True)
    elif page.start:
        customers(tmp_path)
    assert page.start in {"", *STARTS}
    with Reader(tmp_path) as reader:
        reader.follow(page)


@pytest.mark.parametrize(("page", "step"), COMMANDS)
def test_every_command_is_a_real_one_with_real_flags(page: Page, step: Step) -> None:
    for words in _commands(step.text):
        assert words[0] in PROGRAMS, f"{page.name}:{step.line}: {words[0]} is not known here"
        if words[0] == "make":
            assert words[1] in MAKE_TARGETS, f"{page.name}:{step.line}: no such target: {words[1]}"
        if words[0] == "evermodel":
            command_parser().parse_args(words[1:])


def test_every_verb_is_shown_at_work_somewhere() -> None:
    shown = {
        word
        for page in PAGES
        for step in page.steps
        if step.kind == "command"
        for words in _commands(step.text)
        if words[0] == "evermodel"
        for word in words[1:]
    }
    assert set(verbs(command_parser())) - shown - {"demo"} == set()


def _commands(text: str) -> list[list[str]]:
    """Return the commands of one line as words, without variables set before and files behind."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    behind = False
    for word in lexer:
        if word in {"&&", "|", ";"}:
            commands.append([])
            behind = False
        elif word == ">":
            behind = True
        elif not behind and (commands[-1] or not re.fullmatch(r"[A-Z_]+=.*", word)):
            commands[-1].append(word)
    return commands


def test_every_block_that_is_not_run_says_why() -> None:
    for page in PAGES:
        for step in page.steps:
            if step.skip:
                assert len(step.skip.split()) > 2, f"{page.name}:{step.line}"
