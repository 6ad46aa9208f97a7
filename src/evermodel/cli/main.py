"""The command `evermodel`: hears who asks it to stop, runs one verb, and gives its exit code.

0 done, 1 a check or gate said no, 2 wrong input or surroundings, 3 an error inside Evermodel,
130 stopped by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from evermodel.cli.interrupts import INTERRUPTED, Interrupts

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of those of the process, whose signals are left alone then.
    """
    interrupts = Interrupts()
    try:
        if arguments is None:
            interrupts.listen()
        # All else is imported when signals are heard: it takes longer than Ctrl-C.
        from evermodel.cli.commands import run

        return run(arguments, interrupts)
    except KeyboardInterrupt:  # before anything had begun, or when all was said
        interrupts.speak()
        with suppress(OSError):
            print("stopped; nothing was written", file=sys.stderr, flush=True)
        interrupts.hush()
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the error went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    finally:
        interrupts.end()
