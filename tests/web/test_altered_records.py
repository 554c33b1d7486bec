"""While a finding of verification is open, every page says so first."""

from datetime import date
from pathlib import Path

from casework import findings
from casework.context import AppContext
from casework.findings import Found
from config.settings import Settings
from tests.support.team import ready
from tests.web.conftest import browser_of
from web.installation import Installation


def test_every_page_says_that_the_records_are_altered_until_a_person_closes_it(tmp_path: Path) -> None:
    settings = Settings(home=ready(tmp_path / "var"), today=date(2026, 4, 14))
    context = AppContext.load(settings)
    installation = Installation(settings)
    browser = browser_of(installation).sign_in("dco.team")
    said = '<div class="app-altered" role="alert">'
    assert said not in browser.get("/").text
    findings.store(context, "verify", [Found("NX90001", 2, "hash", "fact 2 is not the text that was hashed")])
    page = browser.get("/").text
    assert said in page and findings.sentence(1) in page
    assert page.index(said) < page.index("app-simulation")
    findings.close(context, [1], "it.oncall", "the backup was restored", understood=False)
    assert said not in browser.get("/").text
    installation.close()
    context.engine.dispose()
