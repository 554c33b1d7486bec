"""Writes released.toml: run it once for a new version of a letter, never for a changed one (python -m
tests.support.release_templates).
"""

from hashlib import sha256

from notifications.render import FOLDER as TEMPLATES
from tests.support.letter_samples import FOLDER

if __name__ == "__main__":
    lines = [
        f'"{path.name}" = "{sha256(path.read_bytes()).hexdigest()}"'
        for path in sorted(TEMPLATES.iterdir())
        if path.suffix in (".md", ".part")
    ]
    text = (
        "# The digest of every letter and part that has been released. A letter in this list is never edited: its next"
        " version is a new file.\n"
    )
    (FOLDER.parent / "released_templates.toml").write_text(text + "\n".join(lines) + "\n", "utf-8")
