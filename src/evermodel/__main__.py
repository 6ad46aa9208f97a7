"""`python -m evermodel` is the command `evermodel`."""

from evermodel.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
