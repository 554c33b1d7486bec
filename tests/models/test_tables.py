"""The tables of the queries are the tables of the SQLModel classes."""

from typing import Any

from sqlalchemy import Column

from models.access_rows import ALL_ROWS as ROWS
from models.tables import METADATA


def _described(column: Column[Any]) -> tuple[object, ...]:
    default = getattr(column.default, "arg", None)
    return column.name, repr(column.type), column.primary_key, column.nullable, default, column.server_default


def test_every_row_class_has_a_table_of_the_same_columns() -> None:
    assert METADATA.tables.keys() == ROWS.tables.keys()
    for name, table in METADATA.tables.items():
        assert [_described(column) for column in table.columns] == [
            _described(column) for column in ROWS.tables[name].columns
        ]


def test_text_sorts_by_its_bytes_on_postgresql() -> None:
    for table in (*METADATA.tables.values(), *ROWS.tables.values()):
        for column in table.columns:
            if column.type.python_type is str:
                variant: Any = column.type._variant_mapping["postgresql"]
                assert variant.collation == "C"


def test_the_keys_of_columns_are_plain_text() -> None:
    """Rows go to PostgreSQL as JSON from 100 on, and orjson refuses SQLAlchemy's own kind of text as a key."""
    for table in METADATA.tables.values():
        assert {type(key) for key in table.columns.keys()} == {str}  # noqa: SIM118 (columns iterate as columns)
