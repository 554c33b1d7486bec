"""Make the files of web/static from the npm package nhsuk-frontend: `python tools/web_assets.py FOLDER`.

Purpose: the pages ask no other site for anything, and a bare Python needs no npm. FOLDER is the unpacked package. The
typeface Frutiger is left out: its licence is for NHS services, and it is on another site. Source-map lines go too.
`web/static/SOURCE.toml` says which release the files are of, with npm's own digest of it.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "web" / "static"
FONT = re.compile(r"@font-face\s*\{[^}]*\}")
SOURCE_MAP = re.compile(r"(/\*# sourceMappingURL=[^*]*\*/|//# sourceMappingURL=\S*)\n?")
IMAGES = ("favicon.ico", "favicon.svg")


def styles(text: str) -> str:
    """The sheet without fonts of other sites and without a source map. Raises ValueError where an address is left."""
    found = SOURCE_MAP.sub("", FONT.sub("", text)).replace("Frutiger W01,", "").replace("/assets/", "/static/")
    if "https://" in found.replace("http://www.w3.org", "") or "@font-face" in found:
        raise ValueError("the sheet still asks another site for something")
    return found


def main(folder: Path) -> None:
    """Write the sheet, the script and the images."""
    dist = folder / "dist" / "nhsuk"
    (STATIC / "images").mkdir(parents=True, exist_ok=True)
    sheet = styles((dist / "nhsuk-frontend.min.css").read_text("utf-8"))
    (STATIC / "nhsuk-frontend.css").write_text(sheet, "utf-8")
    script = SOURCE_MAP.sub("", (dist / "nhsuk-frontend.min.js").read_text("utf-8"))
    (STATIC / "nhsuk-frontend.js").write_text(script, "utf-8")
    used = set(re.findall(r"/static/images/([\w.-]+)", sheet))
    for name in sorted(used | set(IMAGES)):
        shutil.copyfile(dist / "assets" / "images" / name, STATIC / "images" / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
