"""`.ci/try-prefect` says whether a newer Prefect is published, and never passes silently where no registry answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread

import pytest

from tests.support.paths import ROOT

PINNED = metadata.version("prefect")
TOOL = str(ROOT / "tools" / "try_prefect.py")


@contextmanager
def registry(folder: Path, *versions: str) -> Iterator[str]:
    """A registry in the standard's form (PEP 503) that lists these versions of Prefect, whose files are broken."""
    place = folder / "simple" / "prefect"
    place.mkdir(parents=True)
    names = [f"prefect-{version}-py3-none-any.whl" for version in versions]
    for name in names:
        (place / name).write_bytes(b"no wheel")
    (place / "index.html").write_text("".join(f'<a href="{name}">{name}</a>' for name in names), "utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def tried(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    # Pip's own settings of this machine would add other registries.
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": url, "PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "5"}
    given = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | settings
    return subprocess.run([sys.executable, TOOL, *words], env=given, capture_output=True, text=True, check=False)


def test_the_version_of_the_lock_is_the_newest(tmp_path: Path) -> None:
    with registry(tmp_path, "3.0.0", PINNED, "99.0.0rc1") as url:
        done = tried(url, "newest")
    assert (done.returncode, done.stdout) == (
        0,
        f"Prefect {PINNED} of the lock is the newest that is published: nothing to try.\n",
    )


def test_a_newer_one_is_tried(tmp_path: Path) -> None:
    """This one's file is broken, so it is asked for and cannot be installed."""
    with registry(tmp_path, PINNED, "99.1.0") as url:
        done = tried(url, "newest")
    assert done.returncode == 3
    assert "Prefect 99.1.0: NOT TRIED. It could not be installed" in done.stderr


@pytest.mark.parametrize("answer", ["no server", "no such package"])
def test_without_an_answer_it_says_not_tried(tmp_path: Path, answer: str) -> None:
    with registry(tmp_path, PINNED) as url:
        done = tried("http://127.0.0.1:9/simple" if answer == "no server" else f"{url}/nowhere", "newest")
    assert done.returncode == 3
    assert "NOT TRIED. The registry of packages did not answer" in done.stderr


@pytest.mark.parametrize("words", [[], ["--upgrade"], ["3.9.2", "3.9.3"], ["latest"]])
def test_without_a_version_it_says_how_to_name_one(words: list[str]) -> None:
    done = tried("http://127.0.0.1:9/simple", *words)
    assert done.returncode == 2
    assert "make try-prefect VERSION=3.9.2, or VERSION=newest" in done.stderr
