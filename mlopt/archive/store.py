"""The database that measurements are kept in: SQLite in a file, or PostgreSQL, through the same SQLAlchemy code.

What is read from it is checked like a line of a study's log: anybody may have written it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Delete, Engine, Select, create_engine, delete, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ..core.errors import UserError, printable, summary
from ..core.trial import Status, Trial
from .address import address, canonical, digest
from .context import Context
from .schema import CONTEXTS, MEASUREMENTS, prepare

DEFAULT = Path("outputs", "archive.db")
"""Beside the MLflow store, below the current folder."""
WAIT_SECONDS = 30.0
"""For another process to finish writing to SQLite."""
SERVER_SECONDS = 5
"""For an answer of PostgreSQL: a study waits for it."""
BATCH = 500
INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
LASTING = (Status.INVALID, Status.COMPILE_ERROR, Status.WRONG_RESULT)
"""Failures that happen again; a timeout or a crash may be the machine's."""


class Held(NamedTuple):
    """What an archive holds of a context."""

    context: Context
    measurements: int
    best: float | None
    """The least objective: seconds, or the cost where nothing was executed."""
    latest: str
    """When the last one was finished."""


def lasting(trial: Trial) -> bool:
    """Whether a trial is worth keeping: measured in it, and no estimate; or a failure that would happen again."""
    return not trial.cached and (trial.status in LASTING or trial.reached is not None)


class Store:
    """An open archive. Every method raises UserError, one line, where the database fails."""

    def __init__(self, url: str | None = None, create: bool = True) -> None:
        """Open the archive at a URL of SQLAlchemy's, or a path; None is `DEFAULT`. One that must exist is not made."""
        self._url = _locate(url)
        self.name = self._url.render_as_string(hide_password=True)
        with self._plainly():
            self._engine = _engine(self._url, create)
            prepare(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def add(self, context: Context, trials: Iterable[Trial]) -> None:
        """Keep those that are `lasting`; what is here already is here once. One transaction.

        Of a kernel that was found wrong no earlier time is kept: it may have been right only as far as anybody looked.
        """
        trials = [trial for trial in trials if lasting(trial)]
        rows = [_row(context, trial) for trial in trials]
        insert: Any = INSERT[self._engine.dialect.name]
        with self._plainly(), self._engine.begin() as connection:
            known = {"digest": context.digest, "content": canonical(context.content)}
            connection.execute(insert(CONTEXTS).on_conflict_do_nothing(), known)
            for start in range(0, len(rows), BATCH):
                connection.execute(insert(MEASUREMENTS).on_conflict_do_nothing(), rows[start : start + BATCH])
            for trial in trials:
                if trial.status is Status.WRONG_RESULT:
                    connection.execute(_times_of(context, trial))

    def find(self, at: str) -> Trial | None:
        """The latest measurement at an address."""
        query = select(MEASUREMENTS).where(MEASUREMENTS.c.address == at).order_by(MEASUREMENTS.c.finished.desc())
        return next(self._trials(query.limit(1)), None)

    def trials(self, context: Context, coded: bool = False, most: int | None = None) -> Iterator[Trial]:
        """Measurements made in a context, the latest first; only those whose machine code is known if `coded`."""
        query = select(MEASUREMENTS).where(MEASUREMENTS.c.context == context.digest)
        query = query.where(MEASUREMENTS.c.code != "") if coded else query
        return self._trials(query.order_by(MEASUREMENTS.c.finished.desc()).limit(most))

    def contexts(self) -> list[Held]:
        """Every context that can be read, the one that was measured in last at the end."""
        columns = MEASUREMENTS.c
        query = (
            select(CONTEXTS.c.content, func.count(), func.min(columns.objective), func.max(columns.finished))
            .join(MEASUREMENTS, columns.context == CONTEXTS.c.digest)
            .group_by(CONTEXTS.c.digest, CONTEXTS.c.content)
            .order_by(func.max(columns.finished))
        )
        with self._plainly(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = []
        for content, *figures in rows:
            with contextlib.suppress(UserError):
                found.append(Held(Context.read(content), *figures))
        return found

    def count(self) -> int:
        with self._plainly(), self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(MEASUREMENTS)) or 0

    def forget_before(self, finished: str) -> None:
        """Drop what was measured before a time (ISO 8601, UTC)."""
        self._forget(MEASUREMENTS.c.finished < finished)

    def keep_best(self, most: int) -> None:
        """Of each context keep the `most` measurements of least objective; failures go."""
        place = func.row_number().over(
            partition_by=MEASUREMENTS.c.context, order_by=(MEASUREMENTS.c.objective, MEASUREMENTS.c.id)
        )
        ranked = select(MEASUREMENTS.c.id, place.label("place")).where(MEASUREMENTS.c.objective.is_not(None)).subquery()
        self._forget(MEASUREMENTS.c.id.not_in(select(ranked.c.id).where(ranked.c.place <= most)))

    def merge(self, other: Store) -> int:
        """Take over what another archive holds, and can be read; returns how many measurements could not be."""
        refused = 0
        for context, count, *_ in other.contexts():
            trials = list(other.trials(context))
            refused += count - len(trials)
            self.add(context, trials)
        return refused

    def _forget(self, condition: Any) -> None:
        with self._plainly(), self._engine.begin() as connection:
            connection.execute(delete(MEASUREMENTS).where(condition))
            connection.execute(delete(CONTEXTS).where(CONTEXTS.c.digest.not_in(select(MEASUREMENTS.c.context))))

    def _trials(self, query: Select[Any]) -> Iterator[Trial]:
        with self._plainly(), self._engine.connect() as connection:
            rows = connection.execution_options(yield_per=BATCH).execute(query)
            for row in rows.mappings():
                with contextlib.suppress(UserError):
                    trial = Trial.from_json(row["line"])
                    if row["address"] == address(row["context"], trial.schedule) and row["code"] == trial.code:
                        yield trial

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        """Whatever the database raises becomes one line that names it."""
        try:
            yield
        except UserError as error:
            raise UserError(f"archive {self.name}: {error}") from error
        except ModuleNotFoundError as error:
            hint = "; pip install 'mlopt[postgresql]'" if self._url.get_backend_name() == "postgresql" else ""
            raise UserError(f"archive {self.name} needs the package {error.name}{hint}") from error
        except (SQLAlchemyError, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
            raise UserError(f"archive {self.name} cannot be used: {printable(summary(cause))}") from error


def _locate(url: str | None) -> URL:
    """A SQLAlchemy URL, of which SQLite's has an absolute path."""
    if url is None or "://" not in url:
        return URL.create("sqlite", database=str(Path(url or DEFAULT).expanduser().absolute()))
    try:
        found = make_url(url)
        if found.get_backend_name() not in INSERT:
            raise UserError(f"archive.url is of {found.get_backend_name()}; choose sqlite or postgresql")
    except ArgumentError:  # whose message may hold a password
        raise UserError("archive.url is no URL of a database, such as postgresql://user@host/name") from None
    if found.get_backend_name() == "sqlite":
        if not found.database:
            raise UserError("archive.url names no file: it is sqlite:///PATH")
        return found.set(database=str(Path(found.database).absolute()))
    return found


def _engine(url: URL, create: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        limits = {"connect_timeout": SERVER_SECONDS, "options": f"-c statement_timeout={SERVER_SECONDS}s"}
        try:
            return create_engine(url, connect_args=limits, pool_pre_ping=True)
        except NoSuchModuleError as error:
            raise UserError(error) from None
    file = Path(url.database or "")
    if not create and not file.is_file():
        raise UserError("there is no such file; it is made by the first study that keeps its measurements")
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": WAIT_SECONDS})

    @event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")  # a crash of the machine may cost the last few, and no more

    return engine


def _times_of(context: Context, trial: Trial) -> Delete:
    """Drops what was measured of a trial's schedule, or of its machine code, before the trial ended."""
    columns = MEASUREMENTS.c
    same = columns.address == address(context.digest, trial.schedule)
    if trial.code:
        same |= (columns.context == context.digest) & (columns.code == trial.code)
    return delete(MEASUREMENTS).where(same, columns.objective.is_not(None), columns.finished <= trial.finished)


def _row(context: Context, trial: Trial) -> dict[str, Any]:
    line, at = json.dumps(trial.to_json(), allow_nan=False), address(context.digest, trial.schedule)
    return {
        "id": digest([at, trial.status, trial.started, trial.finished]),
        "address": at,
        "context": context.digest,
        "code": trial.code,
        "objective": trial.objective,
        "finished": trial.finished,
        "line": line,
    }
