"""Writes the digests of released letters: run it once for a new version of a letter, never for a changed one.

    python -m tests.support.release_templates [NAME]

With a name, such as that of a new process, the letters that no file has yet go to released_templates/NAME.toml.
"""

import sys
import tomllib
from hashlib import sha256

from notifications.render import FOLDER as TEMPLATES
from tests.support.paths import GOLDEN

SHIPPED = GOLDEN / "released_templates.toml"
MORE = GOLDEN / "released_templates"
HEAD = (
    "# The digest of every letter and part that has been released. A letter in this list is never edited: its next"
    " version is a new file.\n"
)


def present_digests() -> dict[str, str]:
    """The digest of every letter and part, by the name of its file."""
    paths = (path for path in sorted(TEMPLATES.iterdir()) if path.suffix in (".md", ".part"))
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in paths}


def released_digests(*, shipped: bool = True) -> dict[str, str]:
    """The digests that were written down; without those of the first file if `shipped` is false."""
    files = [SHIPPED] if shipped else []
    return {
        name: digest
        for file in (*files, *sorted(MORE.glob("*.toml")))
        for name, digest in tomllib.loads(file.read_text("utf-8")).items()
    }


def main(*names: str) -> str:
    """Write the digests of the letters that no other file has. The name of the file written."""
    target = MORE / f"{names[0]}.toml" if names else SHIPPED
    others = released_digests() if names else released_digests(shipped=False)
    new = {name: digest for name, digest in present_digests().items() if name not in others}
    if names and target.exists():  # what it released before stays as it was
        new = tomllib.loads(target.read_text("utf-8")) | new
    target.parent.mkdir(exist_ok=True)
    target.write_text(HEAD + "".join(f'"{name}" = "{digest}"\n' for name, digest in new.items()), "utf-8")
    return target.name


if __name__ == "__main__":
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
