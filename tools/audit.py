"""Asks whether a weakness is known of anything that requirements.lock pins, and never passes in silence: what was not
checked is said to be so.

Purpose: `make audit`. The auditor itself calls a package that its source has never heard of "skipped" and ends well,
and a mirror may answer without advisories. So every skipped package counts as not checked, and a release with a
well-known weakness is asked about beside ours: where the source knows nothing of that one, it knows nothing.

Exit codes: 0 nothing known, or not checked (said in capitals); 1 a weakness is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WITNESS = ("jinja2", "2.10")  # CVE-2019-10906
SECONDS = 240


class Audit(NamedTuple):
    """What the audit says: a line or more for a person, and the exit code."""

    lines: list[str]
    code: int


def judged(dependencies: Sequence[Mapping[str, Any]], witness: Sequence[Mapping[str, Any]]) -> Audit:
    """The auditor's answers about what is locked, and about the release whose weakness is known."""
    unchecked = sorted(each["name"] for each in dependencies if "skip_reason" in each)
    known = [(each["name"], each["version"], weak) for each in dependencies for weak in each.get("vulns", [])]
    lines = []
    for name, version, weak in known:
        fixed = ", ".join(weak.get("fix_versions", [])) or "no release yet"
        lines.append(f"audit: {name} {version} has a known weakness, {weak['id']}; mended in: {fixed}")
    if not any(each.get("vulns") for each in witness):
        lines.append("audit: NOT CHECKED. No advisories could be reached from here; run make audit where they can be.")
    elif unchecked:
        some = ", ".join(unchecked[:10]) + (" and others" if len(unchecked) > 10 else "")
        lines.append(
            f"audit: {len(unchecked)} of {len(dependencies)} NOT CHECKED, as the source of advisories does not know"
            f" them: {some}"
        )
    if not lines:
        lines.append(f"audit: nothing is known against the {len(dependencies)} packages that are locked")
    return Audit(lines, 1 if known else 0)


def ask(requirements: Path) -> list[dict[str, Any]] | None:
    """The auditor's answers for one file of pins; None where it could not give any."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "-r",
        str(requirements),
        "--no-deps",
        "--disable-pip",
        "-f",
        "json",
        "--progress-spinner",
        "off",
    ]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS).stdout
        found: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return found


def main() -> int:
    """Audits the lock and says what was found."""
    with tempfile.TemporaryDirectory(prefix="sendflow-audit-") as folder:
        one = Path(folder) / "witness.txt"
        one.write_text("==".join(WITNESS) + "\n", encoding="utf-8")
        witness = ask(one)
    # Nothing that knows of no weakness in the witness is worth asking about everything.
    dependencies = ask(ROOT / "requirements.lock") if witness and any(each.get("vulns") for each in witness) else []
    audit = judged(dependencies or [], witness if dependencies is not None and witness else [])
    sys.stdout.write("\n".join(audit.lines) + "\n")
    return audit.code


if __name__ == "__main__":
    sys.exit(main())
