"""How Alembic is run here: always inside the caller's own transaction, on the caller's connection. [I/O]"""

from typing import Any

from alembic import context

from models.access_rows import ALL_ROWS


def ours(_thing: Any, name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
    """Alembic's own table is no table of ours."""
    return not (kind == "table" and name == "alembic_version")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ALL_ROWS,
    include_object=ours,
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
