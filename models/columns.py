"""The columns of which the tables are made, and the metadata that knows every table."""

from typing import Any

from sqlalchemy import Column, MetaData, String

METADATA = MetaData()
# Both databases sort text by its bytes, in every locale of a PostgreSQL server: chains, heads and locks depend on that
# order.
TEXT_C = String().with_variant(String(collation="C"), "postgresql")


def key_column(name: str, kind: Any = TEXT_C) -> Column[Any]:
    """Return a column of the primary key."""
    return Column(name, kind, key=name, primary_key=True)


def required_column(name: str, kind: Any = TEXT_C, default: Any = None) -> Column[Any]:
    """Return a column that always has a value."""
    return Column(name, kind, key=name, nullable=False, default=default)


def optional_column(name: str, kind: Any = TEXT_C) -> Column[Any]:
    """Return a column that may be empty."""
    return Column(name, kind, key=name, nullable=True)
