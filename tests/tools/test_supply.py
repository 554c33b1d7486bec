"""What sendflow is made of is written down from the lock, and an audit that could not look says so."""

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
        ([SOUND], [WEAK], "nothing is known against the 1 packages", 0),
        ([SOUND, SKIPPED], [WEAK], "1 of 2 NOT CHECKED, as the source of advisories does not know them: nhs-number", 0),
        ([SOUND, WEAK], [WEAK], "jinja2 2.10 has a known weakness, CVE-2019-10906; mended in: 2.10.1", 1),
        ([SOUND], [{**WEAK, "vulns": []}], "NOT CHECKED. No advisories", 0),
        ([SOUND], [SKIPPED], "NOT CHECKED. No advisories", 0),
        ([], [], "NOT CHECKED. No advisories", 0),
    ],
)
def test_an_audit_passes_only_where_it_looked(
    dependencies: list[dict[str, Any]], witness: list[dict[str, Any]], says: str, code: int
) -> None:
    """A source that knows of no weakness in a release that is famous for one has not looked at ours either."""
    found = audit.judged(dependencies, witness)
    assert says in "\n".join(found.lines)
    assert found.code == code
    assert ("nothing is known" in found.lines[-1]) is (says.startswith("nothing"))


def test_an_auditor_that_cannot_be_run_is_not_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is taken for granted from a silence."""
    monkeypatch.setattr(audit, "ask", lambda _path: None)
    assert audit.main() == 0
    assert "NOT CHECKED" in capsys.readouterr().out


def test_the_bill_names_every_pin_with_its_files_and_is_the_same_each_time() -> None:
    """One component for each pin of the lock; nothing of the moment or of this machine's folders."""
    document = sbom.bill(LOCK, PROJECT)
    pins = [line.split(" ")[0] for line in LOCK.splitlines() if re.match(r"^[a-z0-9]", line)]
    assert [f"{each['name']}=={each['version']}" for each in document["components"]] == pins
    assert sum(len(each["properties"]) for each in document["components"]) == LOCK.count("--hash=sha256:")
    assert json.dumps(document) == json.dumps(sbom.bill(LOCK, PROJECT))
    assert str(ROOT) not in json.dumps(document)


def test_what_runs_is_told_from_what_checks_and_every_reference_leads_somewhere() -> None:
    """A reader of the bill may ask for the running house alone."""
    document = sbom.bill(LOCK, PROJECT)
    scope = {each["name"]: each["scope"] for each in document["components"]}
    assert {scope[name] for name in ("prefect", "sqlalchemy", "psycopg-binary", "h2", "prometheus-client")} == {
        "required"
    }
    assert {scope[name] for name in ("pytest", "mypy", "pip-audit", "eventsourcing")} == {"excluded"}
    known = {each["bom-ref"] for each in document["components"]}
    assert {each for one in document["dependencies"] for each in one["dependsOn"]} <= known


def test_a_lock_without_a_pin_is_refused() -> None:
    """An empty file is no bill of nothing."""
    with pytest.raises(ValueError, match="no pin"):
        sbom.read_lock("# nothing\n")
