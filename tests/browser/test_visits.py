"""Whole visits of people: a DCO's morning, a provider, a local authority, an auditor who replays a corrected case."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from casework.access.seen import as_seen_by
from casework.reports.case_report import report
from casework.reports.today import today_of
from casework.reports.worklists import open_duties
from models import ledger
from models.database import reading
from tests.browser.conftest import Visitor
from tests.browser.looking import to_the_check_page
from tests.support.sample_home import TODAY
from web.installation import Installation

CORRECTED = "SP90001"


def newest_fact(installation: Installation, ref: str) -> tuple[str, str, str]:
    """Kind, actor and way of the newest fact of a case."""
    with reading(installation.context().engine) as connection:
        fact = ledger.read(connection, [ref])[ref][0][-1]
    return fact.kind, fact.actor, fact.via


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_dco_has_a_morning(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str], script: bool
) -> None:
    installation, origin = own_sample
    context = as_seen_by(installation.context(), "dco.team")
    dco = visitors(installation, origin, java_script_enabled=script)
    page = dco.page

    # She signs in, and the first page is Today.
    dco.sign_in("dco.team")
    assert dco.path == "/today"
    late = today_of(context, TODAY).late
    assert dco.says(f"{len(late)} late")

    # She reads who was chased when, opens what is late longest, and records that the advice has come.
    worst = late[0]
    assert "last e-mail" in page.locator("#late ~ table").first.inner_text()
    dco.follow(worst.case_ref)
    assert dco.heading.startswith(worst.case_ref)
    assert page.locator(".app-timeline__item--letters").count() > 0
    dco.follow("Everything that may be recorded now")
    dco.follow("Health advice received", exact=True)
    page.get_by_label("Day", exact=True).fill("13")
    to_the_check_page(dco, {"Organisation": worst.body_name or "", "Service": "Community Paediatrics"})
    assert dco.says("met on Mon 13 Apr 2026")
    before = newest_fact(installation, worst.case_ref)
    assert before[0] != "health_advice_received"
    dco.press("Record it")
    assert dco.heading.startswith(worst.case_ref)
    assert dco.says("Recorded")
    assert newest_fact(installation, worst.case_ref) == ("health_advice_received", "dco.team", "page")

    # Back on Today the duty is gone.
    dco.follow("Today")
    assert dco.says(f"{len(late) - 1} late")

    # She decides a claimed exception.
    claim = today_of(context, TODAY).claims[0]
    page.locator("#decide ~ ul, #decide + ul").first.get_by_role("link", name="Accept or refuse").first.click()
    page.get_by_label("Refuse", exact=True).check()
    page.get_by_label("Reason").fill("no ground is named")
    dco.press("Record the decision")
    assert dco.says(f"The decision on {claim['ref']} is recorded")
    assert newest_fact(installation, claim["ref"])[0] == "excuse_decided"
    assert claim["ref"] not in [each["ref"] for each in today_of(context, TODAY).claims]

    # The council rings with its own reference.
    row = next(row for row in late if row.la_reference and row.case_ref != worst.case_ref)
    dco.follow("Cases")
    page.get_by_label("Reference").fill(str(row.la_reference))
    dco.press("Show")
    assert dco.heading.startswith(row.case_ref)

    _takes_over(dco, row.case_ref)
    _answers_a_refused_row(dco)

    # The next working day, and she leaves.
    dco.press("Go to the next working day")
    assert dco.heading.startswith("What happened until Wednesday 15 April 2026")
    dco.follow("Sign out")
    dco.press("Sign out", exact=True)
    dco.open("/today")
    assert dco.heading == "Sign in first"
    assert dco.wrong == [] or all("status of 401" in line for line in dco.wrong)


def _takes_over(dco: Visitor, ref: str) -> None:
    """She takes a case over, and finds it among her own."""
    dco.page.get_by_label("Case owner").select_option(label="dco.team")
    dco.press("Assign")
    assert dco.page.get_by_label("Case owner").input_value() == "dco.team"
    dco.follow("Today")
    dco.page.get_by_label("Case owner").select_option(label="me")
    dco.press("Show")
    assert dco.says("Only some cases are shown")
    assert dco.page.locator(f'a[href="/cases/{ref}"]').count() > 0


def _answers_a_refused_row(dco: Visitor) -> None:
    """She answers a row of the tracker that the import refused."""
    dco.follow("To decide")
    waiting = dco.page.locator("li[id^=waits-]")
    before = waiting.count()
    dco.press("It is no case of ours")
    assert dco.says("The answer is stored")
    assert waiting.count() == before - 1


def test_a_provider_sees_its_own_duties_by_reference_and_stores_them(
    visitor: Callable[..., Visitor], sample: Installation
) -> None:
    provider = visitor("provider")
    own = [row for row in open_duties(sample.context(), TODAY) if row.body == "QX101"]
    assert provider.path == "/own"
    assert provider.says(f"{len(own)} duties are open")
    assert all(provider.says(row.case_ref) for row in own)
    assert provider.page.locator('a[href^="/cases/"]').count() == 0
    with provider.page.expect_download() as waiting:
        provider.follow("CSV")
    assert waiting.value.suggested_filename.endswith(".csv")
    provider.open(f"/cases/{own[0].case_ref}")
    assert provider.heading == "You may not open this page"


def test_an_auditor_replays_a_corrected_case(visitor: Callable[..., Visitor], sample: Installation) -> None:
    auditor = visitor("auditor")
    now = report(sample.context(), CORRECTED)
    correction = next(fact for fact in now.facts if fact.kind == "fact_corrected")
    auditor.open("/cases")
    auditor.page.get_by_label("Reference").fill(CORRECTED)
    auditor.press("Show")
    assert auditor.path == f"/cases/{CORRECTED}"
    struck = auditor.page.locator(f"#fact-{correction.corrects} del")
    assert struck.count() == 1
    auditor.page.get_by_label("As true on").fill("2026-03-23")
    auditor.page.get_by_label("As known at").fill("2026-03-25")
    auditor.press("Replay")
    assert auditor.says("This is not now. The case as true on 23 March 2026, as known on 25 Mar 2026")
    assert auditor.page.locator(f"#fact-{correction.seq}").count() == 0
    assert auditor.page.locator("mark.app-differs").count() > 0
    assert auditor.page.get_by_role("link", name="Record").count() == 0
    auditor.follow("Show the case of now")
    auditor.follow("Who looked at this case")
    assert auditor.says("case as it was")
