"""docs/reference/pages.md from web/help.toml, and web/glossary.json from docs/glossary.md, as docs are not shipped."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

from web.help import pages

GLOSSARY = Path(__file__).parent.parent / "docs" / "glossary.md"
WIDTH = 100


def page() -> str:
    """What each page of the web application is for, as a document."""
    parts = [
        "# The pages",
        _filled(
            "What each page is for, as Help says it beside the pages. Who may open which:"
            " [who may open what](rights.md). Made from `web/help.toml`."
        ),
    ]
    for each in pages():
        parts.append(f"## {each.title}")
        command = (
            f" At a terminal: {', '.join(f'`{name}`' for name in each.command.split(', '))}." if each.command else ""
        )
        parts.append(_filled(f"`{each.starts}`: {each.text}{command}"))
    return "\n\n".join(parts) + "\n"


def glossary() -> str:
    """The words for who uses the pages, by part, as JSON: without those that name code."""
    found: list[dict[str, Any]] = []
    for line in GLOSSARY.read_text("utf-8").splitlines():
        if line.startswith("## "):
            found.append({"title": line[3:], "words": []})
        elif found and line.startswith("| ") and not line.startswith(("| word ", "|---")):
            word, meaning, source, *_replaces = (each.strip() for each in line.strip()[1:-1].split("|"))
            if "`" not in word:
                found[-1]["words"].append({"word": word, "meaning": _plain(meaning), "source": _plain(source)})
    shown = [part for part in found if part["words"]]
    return json.dumps(shown, indent=1, ensure_ascii=False) + "\n"


def _plain(text: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text.replace("`", "")).strip()


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
