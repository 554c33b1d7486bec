"""The pages in a real Chromium, over a server of this process. Without Chromium these tests are skipped, by reason."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from casework.access import sessions
from config.settings import Settings
from models.database import transact
from tests.support.sample_home import TODAY, copy_sample
from web.app import create_app
from web.installation import Installation

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# A build machine has no sandbox and no graphics; with the rest the browser does not call its maker.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = (1280, 900), (320, 640)


def why_not() -> str:
    """Why there are no tests in a browser here; empty if there are."""
    if find_spec("playwright") is None or find_spec("axe_playwright_python") is None:
        return "the tests in a browser need playwright and axe-playwright-python: run make install"
    if not any(map(shutil.which, NAMES)):
        return "the tests in a browser need Chromium, and none is on the PATH: on Debian, apt install chromium"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests of this folder where there is no browser, and say what is missing."""
    reason = why_not()
    here = Path(__file__).parent

    @cache
    def inside(path: Path) -> bool:
        return here in path.parents

    for item in items:
        if inside(item.path):
            item.add_marker(pytest.mark.timeout(300, func_only=True))  # the first test of a run also makes the sample
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@dataclass
class Visitor:
    """A person at a browser. `asked` are the addresses that it asked for, `wrong` what its console complained of."""

    page: Page
    origin: str
    installation: Installation
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def sign_in(self, account: str) -> None:
        """Open a new one-time link."""
        engine = self.installation.context().engine
        token = transact(engine, lambda each: sessions.create_link(each, account, datetime.now(UTC)))
        self.open(f"/sign-in?token={token}")

    def open(self, path: str) -> None:
        """Open an address of the pages."""
        self.page.goto(self.origin + path)

    @property
    def path(self) -> str:
        """The address of the page that is shown."""
        return self.page.url.removeprefix(self.origin)

    def press(self, name: str, *, exact: bool = False) -> None:
        """Press the first button of that name, and wait for the whole of the page that it opens."""
        button = self.page.get_by_role("button", name=name, exact=exact).first
        try:
            button.click()
        except Exception as problem:
            problem.add_note(f"{self.path} says: {self.page.locator('body').inner_text()[:1500]}")
            raise
        self.page.wait_for_load_state()

    def follow(self, name: str, *, exact: bool = False) -> None:
        """Follow the first link of that name, and wait for the whole of the page that it opens."""
        self.page.get_by_role("link", name=name, exact=exact).first.click()
        self.page.wait_for_load_state()

    def says(self, words: str) -> bool:
        """Whether the page has these words."""
        return words in " ".join(self.page.locator("body").inner_text().split())

    @property
    def heading(self) -> str:
        """The first heading."""
        return " ".join(self.page.locator("h1").first.inner_text().split())


@contextmanager
def serving(installation: Installation) -> Iterator[str]:
    """The pages of an installation on a free port of this machine; gives their origin."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        config = uvicorn.Config(create_app(installation), log_level="error", access_log=False, server_header=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The sample. Tests of this fixture record nothing in it."""
    installation = Installation(copy_sample(tmp_path_factory, tmp_path_factory.mktemp("browser") / "var"))
    yield installation
    installation.close()


@pytest.fixture(scope="session")
def origin(sample: Installation) -> Iterator[str]:
    """Where the pages of the sample are."""
    with serving(sample) as address:
        yield address


@pytest.fixture
def own_sample(sample: Installation, tmp_path: Path) -> Iterator[tuple[Installation, str]]:
    """A copy of the sample, to record in, and where its pages are."""
    home = sample.context().settings.home
    shutil.copytree(home, tmp_path / "var", ignore=shutil.ignore_patterns("*.db", "*.db-*"))
    # As one moment: the pages of the sample may write a look or close a connection while files are copied.
    for database in home.glob("*.db"):
        with (
            closing(sqlite3.connect(database)) as one,
            closing(sqlite3.connect(tmp_path / "var" / database.name)) as two,
        ):
            one.backup(two)
    installation = Installation(Settings(home=tmp_path / "var", today=TODAY))
    with serving(installation) as address:
        yield installation, address
    installation.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for the tests of a module. The event loop of Playwright ends with it, and others begin theirs."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        with suppress(Exception):
            browser.close()


@pytest.fixture
def visitors(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Makes persons at a browser: of which installation, at which size, with further options of a context."""
    contexts = []

    def make(installation: Installation, origin: str, size: tuple[int, int] = WIDE, **options: Any) -> Visitor:
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB", **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        made = Visitor(page, origin, installation)
        page.on("request", lambda request: made.asked.append(request.url))
        page.on("console", lambda line: made.wrong.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda problem: made.wrong.append(str(problem)))
        return made

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(visitors: Callable[..., Visitor], sample: Installation, origin: str) -> Callable[..., Visitor]:
    """Makes persons who read the sample: of which account, at which size."""

    def make(account: str, size: tuple[int, int] = WIDE, **options: Any) -> Visitor:
        made = visitors(sample, origin, size, **options)
        made.sign_in(account)
        return made

    return make
