"""Look after data: profile, versions, corrections, documentation, pseudonyms."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from evermodel.cli.flags import SPREADSHEET_SAFE, everywhere
from evermodel.cli.output import Output

if TYPE_CHECKING:
    from evermodel.records import Report

__all__ = ["HELP", "arguments", "call"]

HELP = "profile, versions, corrections and documentation of the data"
_WHICH = "a number, the beginning of a digest"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    verbs = parser.add_subparsers(
        dest="part", metavar="WHAT", required=True, title="what", help="what to do"
    )

    def add(name: str, words: str, run: Callable[[argparse.Namespace, Output], int]) -> None:
        part = verbs.add_parser(name, help=words, description=words, prog=f"{parser.prog} {name}")
        everywhere(part, top=False)
        _PARTS[name](part)
        part.set_defaults(run=run)

    add("profile", "what each column holds, in one pass over a table of any size", _profile)
    add("log", "every version of the data, and what learned from it", _log)
    add("show", "what a version holds, column by column", _show)
    add("diff", "what changed between two versions or files", _diff)
    add("restore", "write the rows of a version to a new file", _restore)
    add("review", "write the cells that look wrong into a table for you to correct", _review)
    add("take", "take in a review that you corrected, as one patch", _take)
    add("replay-quarantine", "take rows of a quarantine back in after a repair", _replay)
    add("corrections", "the patches that are applied when the data are read", _corrections)
    add("undo", "undo a patch", _undo)
    add("document", "write a datasheet for people and a Croissant file for machines", _document)
    add("pseudonymise", "replace what stands for persons by keyed hashes", _pseudonymise)
    add("tidy", "free what no registered version needs any more", _tidy)


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    return int(options.run(options, output))


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def _profile_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="?", metavar="DATA", help="default: the project's data")
    parser.add_argument("--html", default="", metavar="FILE", help="write it as one page, too")
    parser.add_argument("--force", action="store_true", help="replace a page that is there")


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "which", nargs="?", default="", metavar="VERSION", help=f"{_WHICH} (default: the newest)"
    )


def _diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help=f"{_WHICH}, or a file")
    parser.add_argument(
        "second",
        nargs="?",
        default="",
        metavar="B",
        help="another (default: the source as it is now)",
    )


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("which", metavar="VERSION", help=_WHICH)
    parser.add_argument("path", metavar="OUT", help="a .csv, .tsv or .parquet file")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--spreadsheet-safe", action="store_true", help=SPREADSHEET_SAFE)


def _tidy_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--days",
        type=float,
        default=30,
        metavar="N",
        help="versions younger than this stay (default: 30)",
    )


def _review_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        default="review.csv",
        metavar="FILE",
        help="where to, .csv or .xlsx (default: review.csv)",
    )
    parser.add_argument(
        "--excel", action="store_true", help="semicolons in the .csv, as Excel in Europe wants it"
    )
    parser.add_argument(
        "--most", type=int, default=200, metavar="N", help="at most so many cells (default: 200)"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def _file_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the table, as you saved it")


def _undo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=int, metavar="NUMBER", help="of the patch")


def _document_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", default="", metavar="DIR", help="where to write (default: documentation)"
    )


def _pseudonymise_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", help="a file or address")
    parser.add_argument("path", metavar="OUT", help="a .csv, .tsv or .parquet file")
    parser.add_argument(
        "--columns", required=True, metavar="A,B", help="the columns, divided by commas"
    )
    parser.add_argument(
        "--purpose", default="", help="pseudonyms of two purposes cannot be linked without the key"
    )
    parser.add_argument("--normalise", action="store_true", help="bring texts to one writing first")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--spreadsheet-safe", action="store_true", help=SPREADSHEET_SAFE)


_PARTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "profile": _profile_arguments,
    "log": _no_arguments,
    "show": _show_arguments,
    "diff": _diff_arguments,
    "restore": _restore_arguments,
    "review": _review_arguments,
    "take": _file_arguments,
    "replay-quarantine": _file_arguments,
    "corrections": _no_arguments,
    "undo": _undo_arguments,
    "document": _document_arguments,
    "pseudonymise": _pseudonymise_arguments,
    "tidy": _tidy_arguments,
}


def _profile(options: argparse.Namespace, output: Output) -> int:
    import msgspec

    from evermodel.loop.profiling import data_profile
    from evermodel.report.profile_page import profile_text
    from evermodel.tables import Summary

    report = data_profile(
        options.data,
        options.folder,
        html=options.html,
        force=options.force,
        progress=output.progress,
    )
    if output.json:
        return output.report(report)
    summary = msgspec.convert(report.facts["profile"], type=Summary)
    output.say(profile_text(summary, title=f"{report.subject}: "))
    return 0


def _log(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.datasets import data_log

    return _listed(data_log(options.folder), output, none="no data were learned from yet")


def _listed(report: Report, output: Output, *, none: str) -> int:
    """Print a line for each numbered result, or what to say of none."""
    if output.json:
        return output.report(report)
    if not report.results:
        output.say(none)
    for result in report.results:
        output.say(f"{result.value:>3.0f}  {result.subject}  {result.why}")
    return 0


def _show(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.datasets import data_show

    return output.report(data_show(options.which, options.folder))


def _diff(options: argparse.Namespace, output: Output) -> int:
    import msgspec

    from evermodel.loop.datasets import data_diff

    report = data_diff(options.first, options.second, options.folder)
    if output.json:
        return output.report(report)
    told = tuple(result for result in report.results if result.name != "column_same")
    same = len(report.results) - len(told)
    lines = [f"{same} column{'' if same == 1 else 's'} as before"] if same else []
    return output.report(msgspec.structs.replace(report, results=told), lines=lines)


def _restore(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.datasets import data_restore

    report = data_restore(
        options.which,
        options.path,
        options.folder,
        force=options.force,
        spreadsheet_safe=options.spreadsheet_safe,
    )
    return output.report(report)


def _tidy(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.datasets import data_tidy

    return output.report(data_tidy(options.folder, days=options.days, progress=output.progress))


def _document(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.documentation import data_document

    report = data_document(options.folder, out=options.out, progress=output.progress)
    written = [f"Written: {path}" for path in report.facts["files"]]
    return output.report(report, lines=written)


def _pseudonymise(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.pseudonymising import data_pseudonymise

    report = data_pseudonymise(
        options.source,
        options.path,
        [name.strip() for name in options.columns.split(",")],
        purpose=options.purpose,
        normalise=options.normalise,
        force=options.force,
        spreadsheet_safe=options.spreadsheet_safe,
        progress=output.progress,
    )
    return output.report(report)


def _review(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.corrections import data_review

    report = data_review(
        options.folder,
        out=options.out,
        most=options.most,
        force=options.force,
        excel=options.excel,
        progress=output.progress,
    )
    return output.report(report)


def _take(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.corrections import data_take

    return output.report(data_take(options.file, options.folder))


def _replay(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.corrections import data_replay

    return output.report(data_replay(options.file, options.folder))


def _corrections(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.corrections import data_corrections

    return _listed(data_corrections(options.folder), output, none="no corrections are in use")


def _undo(options: argparse.Namespace, output: Output) -> int:
    from evermodel.loop.corrections import data_undo

    return output.report(data_undo(options.number, options.folder))
