"""Collects the surfaces of the product that other programs depend on.

This is the only file in the folder that imports modules of the product. `write.py` says how the snapshots are written.
"""

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple
from unittest import mock
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import Table

import config
from casework.context import AppContext
from cli import main, program
from config.process_environment import fix_prefect_environment
from config.settings import Settings
from flows import artifacts, pool_template, run_ends, work_pool
from models import append_only, rows
from models.facts import FactData
from runtime import copy_database
from runtime.health import metrics as health_metrics
from runtime.health import server
from statemachines.registry import processes
from tests.support.team import ready

CONFIG = Path(config.__path__[0])
CACHES = frozenset({"case_file", "case_link", "duty"})
# Values that each kind of text field accepts or refuses: JSON schema does not show the validators of the product.
PROBES = {
    "code": "QX101",
    "slug": "absent_4_weeks",
    "reference": "NS-04412",
    "words": "The words of a person.",
    "day": "2026-03-02",
    "truth": True,
    "one": 1,
    "nought": 0,
    "list": ["absent_4_weeks"],
    "list of codes": ["QX101"],
}
NOTES = frozenset({"title", "description"})
# Each variable gets a value with which the program goes on to read all others.
ENVIRONMENT = {
    "SENDFLOW_HOME": "/tmp/sendflow",
    "SENDFLOW_SMTP_LOGIN": "user:password",
    "SENDFLOW_SMTP_TLS": "required",
    "SENDFLOW_METRICS_PORT": "4280",
    "SENDFLOW_DATABASE_URL": "postgresql://sendflow@records.example/sendflow",
    "SENDFLOW_DATABASE_UNVERIFIED": "allowed",
}


class Ended(NamedTuple):
    """The exit code of a command and what it printed on standard output."""

    code: int
    stdout: str


_command = cache(typer.main.get_command)


def run(*words: str, **environ: str) -> Ended:
    """Run the installed program in this process, with only these SENDFLOW variables in its environment."""
    out = io.StringIO()
    outside = {name: value for name, value in os.environ.items() if not name.startswith("SENDFLOW_")}
    code: Any = 0
    with (
        mock.patch.dict("os.environ", outside | environ, clear=True),
        mock.patch.object(sys, "argv", ["sendflow", *words]),
        mock.patch.object(typer.main, "get_command", _command),
        redirect_stdout(out),
        redirect_stderr(io.StringIO()),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    return Ended(int(code), out.getvalue())


def commands() -> frozenset[str]:
    """Return the names of the program's commands."""
    return frozenset(str(each.name) for each in program().registered_commands)


def installation(folder: Path) -> Path:
    """Make an installation with empty records in a new folder."""
    return ready(folder)


def registering() -> AbstractContextManager[Any]:
    """Replace the Prefect server: the deployments are registered at once under their present names."""
    return mock.patch.object(
        work_pool, work_pool.register.__name__, return_value=[each["name"] for each in prefect()["deployments"]]
    )


def copying() -> AbstractContextManager[Any]:
    """Replace the PostgreSQL server: a copy of the records is reported at once."""
    report = copy_database.CopyReport(rows={"fact": 3}, cases=2, facts=3, head="0" * 64)
    return mock.patch.object(copy_database, copy_database.copy_to_postgresql.__name__, return_value=report)


def facts() -> dict[str, Any]:
    """Return each process with its states, its opening fact, and every kind of fact with its version and fields."""
    return {
        name: {
            "states": sorted(process.states),
            "initial": process.initial,
            "final": sorted(process.final),
            "opens": process.opens,
            "version": process.version,
            "facts": {
                kind: {"version": fact.version, "data": _fields(fact.model)}
                for kind, fact in sorted(process.facts.items())
            },
        }
        for name, process in processes().items()
    }


def _fields(model: type[FactData]) -> dict[str, str]:
    properties = model.model_json_schema().get("properties", {})
    found = {}
    for name, field in sorted(model.model_fields.items()):
        encrypted = (
            " sealed with the person"
            if name in model.IDENTITY_FIELDS
            else " sealed as words"
            if name in model.FREE_TEXT_FIELDS
            else ""
        )
        schema = json.dumps(_plain(properties[name]), sort_keys=True)
        presence = "required" if field.is_required() else "optional"
        found[name] = f"{presence}{encrypted} {schema} accepts {', '.join(_accepted(field))}"
    return found


def _plain(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _plain(value) for key, value in schema.items() if not (key in NOTES and isinstance(value, str))}
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema


_KNOWN: dict[str, list[str]] = {}


def _accepted(field: FieldInfo) -> list[str]:
    key = f"{field.annotation!r} {field.metadata!r}"
    if key not in _KNOWN:
        annotation: Any = field.annotation
        for each in field.metadata:
            annotation = Annotated[annotation, each]
        adapter = TypeAdapter(annotation)
        _KNOWN[key] = [name for name, value in PROBES.items() if _accepts(adapter, value)]
    return _KNOWN[key]


def _accepts(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def metrics(home: Path, today: str) -> dict[str, Any]:
    """Return every metric of an installation, with its type, samples, label names and fixed label values."""
    found = {}
    for metric in health_metrics.collect_metrics(_context(home, today)):
        labels = sorted({label for sample in metric.samples for label in sample.labels})
        values = {
            label: _named(sample.labels[label] for sample in metric.samples)
            for label in labels
            if label in ("standing", "state")
        }
        found[metric.name] = {
            "type": metric.type,
            "labels": labels,
            "samples": sorted({sample.name for sample in metric.samples}),
            "values": values,
        }
    return found


def _named(names: Iterable[str]) -> dict[str, bool]:
    """Return names as keys, because a later version may add keys and not elements."""
    return dict.fromkeys(sorted(names), True)


def addresses(home: Path, today: str) -> dict[str, Any]:
    """Return the addresses for monitoring, with the content type and the keys that each answers."""
    found = {}
    with server.HealthServer(_settings(home, today), server.Heartbeat()) as watching:
        for path in ("/live", "/ready", "/metrics"):
            status, content, body = watching.answer(path)
            answer = json.loads(body) if content == "application/json" else {}
            found[path] = {
                "status": int(status),
                "content": content.partition(";")[0],
                "keys": {key: type(answer[key]).__name__ for key in sorted(answer)},
            }
    return found


def _settings(home: Path, today: str) -> Settings:
    return Settings.read({"SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": today})


def _context(home: Path, today: str) -> AppContext:
    return AppContext.load(_settings(home, today))


@cache
def prefect() -> Mapping[str, Any]:
    """Return the names under which Prefect knows this product."""
    with mock.patch.dict("os.environ"), TemporaryDirectory() as folder:
        fix_prefect_environment(Settings.read({"SENDFLOW_HOME": folder}))
        from flows import automations, definitions, deployments

    made: list[Any] = [automations.zombie_automation(), *automations.alerts(UUID(int=0))]
    return MappingProxyType(
        {
            "work_pool": pool_template.POOL,
            "deployments": [
                {"name": f"{each.flow_name}/{each.name}", "tags": sorted(each.tags)}
                for each in sorted(deployments.deployments(), key=lambda each: str(each.name))
            ],
            "flows": {each.name: _named(each.parameters.properties) for each in definitions.FLOWS.values()},
            "run_states": sorted(run_ends.EndState),
            "artifacts": sorted(value for name, value in vars(artifacts).items() if name.endswith("_KEY")),
            "automations": [
                {
                    "name": automation.name,
                    "after": sorted(automation.trigger.after),
                    "expect": sorted(automation.trigger.expect),
                }
                for automation in made
            ],
        }
    )


def database() -> dict[str, Any]:
    """Return every table with its columns and whether its rows may ever change."""
    return {table.name: _table(table) for table in rows.FactRow.metadata.sorted_tables}


def _table(table: Table) -> dict[str, Any]:
    changes = (
        "append-only"
        if table.name in append_only.APPEND_ONLY_TABLES
        else "cache"
        if table.name in CACHES
        else "changing"
    )
    columns = {
        column.name: type(column.type).__name__
        + (" key" if column.primary_key else "")
        + (" null" if column.nullable else "")
        for column in table.columns
    }
    return {"rows": changes, "columns": columns, "indexes": sorted(str(index.name) for index in table.indexes)}


class _Recording(dict[str, str]):
    """Records the name of every variable that is read."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value as a mapping does."""
        self.read.add(name)
        return super().get(name, default)


def environment() -> list[str]:
    """Return the names of the SENDFLOW variables that the program reads."""
    mailbox = {"SENDFLOW_IMAP_HOST": "imap.icb.example", "SENDFLOW_IMAP_LOGIN": "send.dco@icb.example:words"}
    provider = {"SENDFLOW_OIDC_ISSUER": "http://localhost", "SENDFLOW_OIDC_CLIENT": "x", "SENDFLOW_OIDC_SECRET": "x"}
    recording = _Recording({**ENVIRONMENT, **mailbox, **provider})
    Settings.read(recording)
    return sorted(name for name in recording.read if name.startswith("SENDFLOW_"))
