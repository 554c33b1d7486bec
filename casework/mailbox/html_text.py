"""The text of an HTML mail, as its reader sees it; what it quotes begins with ">". Pure."""

from __future__ import annotations

from html.parser import HTMLParser

LONGEST = 32_768  # characters that are read
BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "table", "hr", "blockquote", "ul", "ol"})
UNSEEN = frozenset({"style", "script", "head", "title"})
# How Outlook and Gmail mark where the earlier mail begins.
EARLIER = ("divrplyfwdmsg", "gmail_quote", "yahoo_quoted", "moz-cite-prefix", "appendonsend")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines = [""]
        self.unseen = 0
        self.quoted = 0
        self.earlier = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line where the tag does; note what is not shown and what is quoted."""
        self.unseen += tag in UNSEEN
        self.quoted += tag == "blockquote"
        marks = " ".join(value or "" for name, value in attrs if name in ("id", "class")).lower()
        self.earlier = self.earlier or any(mark in marks for mark in EARLIER)
        if tag in BREAKS:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        """End what the tag began."""
        self.unseen = max(0, self.unseen - (tag in UNSEEN))
        self.quoted = max(0, self.quoted - (tag == "blockquote"))
        if tag in BREAKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        """Add text to the line."""
        if self.unseen:
            return
        words = " ".join(data.split())
        if not words:
            return
        if not self.lines[-1] and (self.quoted or self.earlier):
            self.lines[-1] = "> "
        between = " " if self.lines[-1] and data[:1].isspace() else ""
        after = " " if data[-1:].isspace() else ""
        self.lines[-1] += f"{between}{words}{after}"


def as_text(html: str) -> str:
    """The text of an HTML document, one line for each block."""
    reader = _Reader()
    try:
        reader.feed(html[:LONGEST])
        reader.close()
    except Exception:  # what the library cannot read has no text, and a person looks at it
        return ""
    return "\n".join(line.rstrip() for line in reader.lines)
