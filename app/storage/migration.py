"""Creates the tables of the job store, and adds what the store of an earlier release lacks."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, MetaData, inspect
from sqlalchemy.schema import CreateColumn

logger = logging.getLogger("seedling")


def create_tables(metadata: MetaData, connection: Connection) -> None:
    """Create the missing tables, and the missing columns and indexes of tables that an earlier release created.

    A new column must be nullable and have no default: the earlier release neither reads nor writes it, so both releases can use
    the store at the same time.
    """
    metadata.create_all(connection)
    found = inspect(connection)
    for table in metadata.sorted_tables:
        existing = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in existing:
                name = connection.dialect.identifier_preparer.format_table(table)
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {definition}")
                logger.info("The table %s has the new column %s.", table.name, column.name)
        for index in table.indexes:
            index.create(connection, checkfirst=True)
