"""Tables in databases, by address, through SQLAlchemy; rows are streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evermodel.errors import DataError, MissingExtraError, SurroundingsError, nearest
from evermodel.tables.addresses import hidden, parsed
from evermodel.tables.objects import batch_of
from evermodel.tables.raw import RawBatch
from evermodel.tables.sniff import check_names

if TYPE_CHECKING:
    from sqlalchemy import Engine, Executable

__all__ = ["SqlQuery", "is_database"]

_SCHEMES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb", "mssql", "oracle", "duckdb")
_POSTGRES = ("psycopg", "psycopg2", "pg8000")


def is_database(scheme: str) -> bool:
    """Return whether addresses with this scheme name a database.

    Examples
    --------
    >>> is_database("postgresql+psycopg"), is_database("https")
    (True, False)
    """
    return scheme.split("+")[0] in _SCHEMES


class SqlQuery:
    """A table or a query of a database.

    Parameters
    ----------
    address : str
        Such as ``sqlite:///shop.db?table=orders``, ``postgresql://host/shop?query=select+...`` or
        ``sqlite:///shop.db#query=select * from orders``.
    written : str
        The address with its variables, where it has some: what may be shown.
    """

    kind = "database"
    notes: tuple[str, ...] = ()
    blank_lines = 0

    def __init__(self, address: str, *, written: str = "") -> None:
        parts = parsed(address)
        self.table, self.query = parts.table, parts.query
        self.url = parts.url(_driver(parts.scheme))
        self._written = written or address
        # Where a variable holds the whole address, it is shown by its name.
        self.where = parsed(self._written).where if "://" in self._written else self._written
        if not (self.table or self.query):
            what = "the address names no table"
            raise DataError(what, where=self.where, hint="add ?table=NAME or ?query=SELECT ...")

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield all rows of the result in order, `rows` at a time.

        Raises
        ------
        DataError
            When the table or query is not accepted.
        SurroundingsError
            When the database does not answer.
        """
        from sqlalchemy.exc import OperationalError, SQLAlchemyError

        engine = self._engine()
        try:
            with engine.connect() as connection:
                statement = self._statement(engine)
                result = connection.execution_options(stream_results=True, yield_per=rows).execute(
                    statement
                )
                names = list(result.keys())
                check_names(names, self.where)
                seen = 0
                for part in result.partitions(rows):
                    lines = range(seen + 1, seen + len(part) + 1)
                    yield batch_of(names, part, lines)
                    seen += len(part)
                if not seen:
                    yield batch_of(names, [], [])
        except OperationalError as error:
            raise self._failed(error, SurroundingsError, "the database does not answer") from None
        except SQLAlchemyError as error:
            raise self._failed(error, DataError, "the database refuses the query") from None
        finally:
            engine.dispose()

    def _failed(
        self, error: Exception, kind: type[DataError | SurroundingsError], what: str
    ) -> DataError | SurroundingsError:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        if "syntax" in str(error) or "no such" in str(error):
            kind, what = DataError, "the database refuses the query"
        found = hidden(said[0], self._written)[:200] if said else type(error).__name__
        return kind(what, where=self.where, found=found, hint="check the address and the query")

    def _engine(self) -> Engine:
        try:
            from sqlalchemy import create_engine
            from sqlalchemy.engine import make_url
            from sqlalchemy.exc import ArgumentError, NoSuchModuleError
        except ImportError as error:
            raise MissingExtraError("reading from a database", "loop", found=str(error)) from None
        try:
            url = make_url(self.url)
            if url.get_backend_name() == "sqlite":
                _check_sqlite(url.database or "", self.where)
            return create_engine(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            what = "this kind of database cannot be reached"
            hint = "install its driver, such as psycopg for PostgreSQL"
            raise DataError(
                what, where=self.where, found=hidden(str(error), self._written)[:200], hint=hint
            ) from None

    def _statement(self, engine: Engine) -> Executable:
        from sqlalchemy import inspect, text
        from sqlalchemy.sql import quoted_name, select, table

        if self.query:
            return text(self.query)
        schema, _, name = self.table.rpartition(".")
        known = [*inspect(engine).get_table_names(schema or None)]
        known += inspect(engine).get_view_names(schema or None)
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"it has {', '.join(known[:10])}"
            raise DataError("there is no such table", where=self.where, found=name, hint=hint)
        source = table(quoted_name(name, quote=True), schema=schema or None)
        return select(text("*")).select_from(source)


def _driver(scheme: str) -> str:
    """Return the scheme with the driver that is installed, where none is named."""
    if scheme not in ("postgres", "postgresql"):
        return scheme
    from importlib.util import find_spec

    for driver in _POSTGRES:
        if find_spec(driver) is not None:
            return f"postgresql+{driver}"
    raise DataError(
        "PostgreSQL cannot be reached: no driver for it is installed",
        hint="pip install 'psycopg[binary]'",
    )


def _check_sqlite(path: str, where: str) -> None:
    """Refuse to open what is not there: SQLite would make an empty database of it."""
    from pathlib import Path

    if not path or path == ":memory:" or path.startswith("file:"):
        return
    if not Path(path).is_file():
        raise DataError("there is no such database", where=where, hint="check the path")
    with Path(path).open("rb") as file:
        if file.read(16) not in (b"", b"SQLite format 3\x00"):
            raise DataError("this is not an SQLite database", where=where)
