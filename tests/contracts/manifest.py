"""Digests the golden files, which must never change: letters, histories, templates, tables of machines and the law."""

from collections import Counter
from hashlib import sha256
from pathlib import Path

from tests.support.paths import GOLDEN, LAW, ROOT

# Where the golden files are now. A folder that moves changes here only; the snapshot goes by the names on the left.
FOLDERS: dict[str, Path] = {
    "histories": GOLDEN / "histories",
    "golden letters": GOLDEN / "letters",
    "golden letters, released": GOLDEN / "released_templates.toml",
    "golden letters, checked": GOLDEN / "recipients.json",
    "templates": ROOT / "notifications" / "templates",
    "tables": ROOT / "statemachines" / "tables",
    "statute": ROOT / "config" / "statute",
    "law": LAW,
}
PROGRAMS = frozenset({".py", ".pyc"})


def manifest() -> dict[str, dict[str, str]]:
    """Return the SHA-256 of every golden file by the name of the file, or by parent and name where a name repeats."""
    return {section: _digests(folder) for section, folder in FOLDERS.items()}


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(
        each
        for each in ([folder] if folder.is_file() else folder.rglob("*"))
        if each.is_file() and each.suffix not in PROGRAMS
    )
    repeated = Counter(each.name for each in files)
    return {
        each.name if repeated[each.name] == 1 else f"{each.parent.name}/{each.name}": sha256(
            each.read_bytes()
        ).hexdigest()
        for each in files
    }
