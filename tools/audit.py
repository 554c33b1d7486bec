"""Ask for known weaknesses of everything that requirements.lock pins, and name every package that was not checked.

Purpose: `make audit`. pip-audit calls a package that its source does not know "skipped" and succeeds, and a mirror may
answer without advisories. So every skipped package counts as not checked. A release with a well-known weakness is asked
about as well: if the source does not know that one, it knows nothing.

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
    """The result of the audit: lines for a person, and the exit code."""

    lines: list[str]
    code: int


def evaluate(dependencies: Sequence[Mapping[str, Any]], witness: Sequence[Mapping[str, Any]]) -> Audit:
    """Evaluate pip-audit's answers about the locked packages and about the release with a known weakness."""
    unchecked = sorted(each["name"] for each in dependencies if "skip_reason" in each)
    known = [(each["name"], each["version"], weak) for each in dependencies for weak in each.get("vulns", [])]
    lines = []
    for name, version, weak in known:
        fixed = ", ".join(weak.get("fix_versions", [])) or "no release yet"
        lines.append(f"audit: {name} {version} has a known weakness, {weak['id']}; fixed in: {fixed}")
    if not any(each.get("vulns") for each in witness):
        lines.append(
            "audit: NOT CHECKED. No advisories can be reached from here; run make audit on a machine that reaches them."
        )
    elif unchecked:
        some = ", ".join(unchecked[:10]) + (" and others" if len(unchecked) > 10 else "")
        lines.append(
            f"audit: {len(unchecked)} of {len(dependencies)} NOT CHECKED, because the source of advisories does"
            f" not know them: {some}"
        )
    if not lines:
        lines.append(f"audit: no weakness is known of the {len(dependencies)} locked packages")
    return Audit(lines, 1 if known else 0)


def ask(requirements: Path) -> list[dict[str, Any]] | None:
    """Return pip-audit's answers for one file of pins; None if it gave none."""
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
        output = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS).stdout
        found: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return found


def main() -> int:
    """Audit the lock and print the result."""
    with tempfile.TemporaryDirectory(prefix="sendflow-audit-") as folder:
        one = Path(folder) / "witness.txt"
        one.write_text("==".join(WITNESS) + "\n", encoding="utf-8")
        witness = ask(one)
    # A source that does not know the weakness of the witness is not asked about the rest.
    dependencies = ask(ROOT / "requirements.lock") if witness and any(each.get("vulns") for each in witness) else []
    audit = evaluate(dependencies or [], witness if dependencies is not None and witness else [])
    sys.stdout.write("\n".join(audit.lines) + "\n")
    return audit.code


if __name__ == "__main__":
    sys.exit(main())
