"""What the parameters of flows may be, and that settings do not show their secrets."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from config.settings import Settings
from flows.definitions import FLOWS
from flows.deployments import deployments
from flows.jobs import Job
from runtime.prefect_bodies import PARAMETERS

SECRET = "kestrel-under-glass-41"


@pytest.mark.parametrize("name", ["sweep", "deliver", "digest", "verify"])
def test_the_gate_knows_the_parameters_of_every_deployment(name: str) -> None:
    """The gate drops an unknown parameter without a message."""
    assert {f"{name}-now"} <= {each.name for each in deployments()}
    assert inspect.signature(FLOWS[Job(name)].fn).parameters.keys() <= set(PARAMETERS)


def test_no_flow_takes_anything_that_could_be_a_secret() -> None:
    """A parameter is a reference, kinds of fact, a day, a digest or true; a pattern checks each text before Prefect
    stores it.
    """
    names: set[str] = set()
    for each in FLOWS.values():
        names |= inspect.signature(each.fn).parameters.keys()
        for schema in each.parameters.properties.values():
            one = next((some for some in schema.get("anyOf", [schema]) if some.get("type") != "null"), schema)
            assert one.get("type") == "boolean" or "pattern" in one or "pattern" in schema, schema
    assert names <= {"case", "fact", "on", "digest", "as_at", "part", "now", "before", "snapshot"}


def test_the_settings_that_hold_secrets_are_not_shown_by_repr(tmp_path: Path) -> None:
    """A traceback or a debugger prints settings, without the passwords."""
    shown = repr(
        Settings.read(
            {
                "SENDFLOW_HOME": str(tmp_path),
                "SENDFLOW_AUTH": f"dco:{SECRET}",
                "SENDFLOW_DATABASE_URL": "postgresql://sendflow:osprey-31@127.0.0.1/s",
            }
        )
    )
    assert SECRET not in shown
    assert "osprey-31" not in shown
