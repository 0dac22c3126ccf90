"""The archive's tables, and how they come into being while many processes open one store."""

from __future__ import annotations

import contextlib
import time

from sqlalchemy import Column, Engine, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, select
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateTable

from ..core.errors import UserError

VERSION = 1
ATTEMPTS = 40
"""At creating the tables: another process may do the same, and databases differ in how they say so."""
PAUSE_SECONDS = 0.1

METADATA = MetaData()
VERSIONS = Table("mlopt_archive", METADATA, Column("version", Integer, primary_key=True, autoincrement=False))
CONTEXTS = Table(
    "context",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("content", Text, nullable=False),  # canonical JSON
)
MEASUREMENTS = Table(
    "measurement",
    METADATA,
    Column("id", String(64), primary_key=True),  # what is merged twice is there once
    Column("address", String(64), nullable=False, index=True),
    Column("context", ForeignKey(CONTEXTS.c.digest), nullable=False),
    Column("code", String(64), nullable=False),  # the hash of the machine code, '' where nobody knows it
    Column("objective", Float),
    Column("finished", String(40), nullable=False),
    Column("line", Text, nullable=False),  # the trial, as in trials.jsonl
    Index("measurement_of_context", "context", "finished"),
)


def prepare(engine: Engine) -> None:
    """Make the tables unless they are there. Raises UserError for those of another version of mlopt."""
    engine.connect().close()  # where nobody answers, there is nobody to wait for
    found = None
    for left in reversed(range(ATTEMPTS)):
        with contextlib.suppress(DBAPIError):  # no such table
            found = _version(engine)
        if found is not None:  # else another process may be making them, which SQLite shows one by one
            break
        try:
            _create(engine)
        except (IntegrityError, OperationalError, ProgrammingError):
            if not left:
                raise
            time.sleep(PAUSE_SECONDS)
    if found != VERSION:
        raise UserError(f"its tables are of version {found}, this mlopt reads {VERSION}; choose another archive.url")


def _version(engine: Engine) -> int | None:
    with engine.connect() as connection:
        return connection.scalar(select(VERSIONS.c.version))


def _create(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # readers and one writer do not wait for one another
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))
        if connection.scalar(select(VERSIONS.c.version)) is None:
            connection.execute(VERSIONS.insert().values(version=VERSION))
