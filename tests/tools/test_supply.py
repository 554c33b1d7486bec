"""The bill of materials comes from the lock, and an audit that could not check says so."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from tests.support.paths import ROOT
from tools import audit, sbom

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WEAK = {"name": "jinja2", "version": "2.10", "vulns": [{"id": "CVE-2019-10906", "fix_versions": ["2.10.1"]}]}
SOUND: dict[str, Any] = {"name": "orjson", "version": "3", "vulns": []}
SKIPPED = {"name": "nhs-number", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "witness", "says", "code"),
    [
        ([SOUND], [WEAK], "no weakness is known of the 1 locked packages", 0),
        (
            [SOUND, SKIPPED],
            [WEAK],
            "1 of 2 NOT CHECKED, because the source of advisories does not know them: nhs-number",
            0,
        ),
        ([SOUND, WEAK], [WEAK], "jinja2 2.10 has a known weakness, CVE-2019-10906; fixed in: 2.10.1", 1),
        ([SOUND], [{**WEAK, "vulns": []}], "NOT CHECKED. No advisories", 0),
        ([SOUND], [SKIPPED], "NOT CHECKED. No advisories", 0),
        ([], [], "NOT CHECKED. No advisories", 0),
    ],
)
def test_an_audit_passes_only_if_it_checked(
    dependencies: list[dict[str, Any]], witness: list[dict[str, Any]], says: str, code: int
) -> None:
    """A source that does not know a famous weakness has not checked the lock either."""
    found = audit.evaluate(dependencies, witness)
    assert says in "\n".join(found.lines)
    assert found.code == code
    assert ("no weakness is known" in found.lines[-1]) is (says.startswith("no weakness"))


def test_an_auditor_that_cannot_be_run_is_not_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No answer is not a good answer."""
    monkeypatch.setattr(audit, "ask", lambda _path: None)
    assert audit.main() == 0
    assert "NOT CHECKED" in capsys.readouterr().out


def test_the_bill_of_materials_names_every_pin_and_is_reproducible() -> None:
    """It has one component for each pin of the lock, no instant and no folder of this machine."""
    document = sbom.bill(LOCK, PROJECT)
    pins = [line.split(" ")[0] for line in LOCK.splitlines() if re.match(r"^[a-z0-9]", line)]
    assert [f"{each['name']}=={each['version']}" for each in document["components"]] == pins
    assert sum(len(each["properties"]) for each in document["components"]) == LOCK.count("--hash=sha256:")
    assert json.dumps(document) == json.dumps(sbom.bill(LOCK, PROJECT))
    assert str(ROOT) not in json.dumps(document)


def test_runtime_packages_are_required_and_every_reference_resolves() -> None:
    """A reader can select the packages of a running installation."""
    document = sbom.bill(LOCK, PROJECT)
    scope = {each["name"]: each["scope"] for each in document["components"]}
    assert {scope[name] for name in ("prefect", "sqlalchemy", "psycopg-binary", "h2", "prometheus-client")} == {
        "required"
    }
    assert {scope[name] for name in ("pytest", "mypy", "pip-audit", "eventsourcing")} == {"excluded"}
    known = {each["bom-ref"] for each in document["components"]}
    assert {each for one in document["dependencies"] for each in one["dependsOn"]} <= known


def test_a_lock_without_a_pin_is_refused() -> None:
    """An empty lock is an error, not an empty bill of materials."""
    with pytest.raises(ValueError, match="no pin"):
        sbom.read_lock("# nothing\n")
