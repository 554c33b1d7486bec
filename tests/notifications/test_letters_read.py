"""Every letter, read: the golden texts, what each must say, and that text and HTML say the same."""

import re
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from config.escalation_policy import load_escalation_policy
from config.law import load_law
from deadlines.calculator import dates_for
from deadlines.working_calendar import load_calendar
from models.enums import Party
from notifications import render as rendering
from notifications.render import RenderError, newest, render, shelf
from tests.support.letter_samples import FOLDER, LETTERS, VERSIONS, asked, golden, morning, whole, withdrawal
from tests.support.release_templates import released_digests

CHASING = ("request_received", "acknowledgement_missing", "reminder", "breach", "escalation_provider")


class VisibleText(HTMLParser):
    """The words of a page, as a screen reader reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.in_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.in_head = tag == "head" or (self.in_head and tag != "body")

    def handle_data(self, data: str) -> None:
        if not self.in_head:
            self.said.append(data)


def page(name: str) -> VisibleText:
    template, fields = LETTERS[name]
    words = VisibleText()
    words.feed(render(template, VERSIONS.get(name, 1), fields).html)
    return words


@pytest.mark.parametrize("name", LETTERS)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", LETTERS)
def test_text_and_html_say_the_same_words_in_the_same_order(name: str) -> None:
    template, fields = LETTERS[name]
    text = re.sub(r"^(=+|-+)$|^> |^- ", "", render(template, VERSIONS.get(name, 1), fields).text, flags=re.MULTILINE)
    heard = " ".join(" ".join(page(name).said).split())
    assert re.sub(r"\W+", "", text) == re.sub(r"\W+", "", heard)


@pytest.mark.parametrize("name", LETTERS)
def test_the_page_fetches_nothing_and_can_be_read_aloud(name: str) -> None:
    tags = page(name).tags
    assert ("html", {"lang": "en-GB"}) in tags
    assert [tag for tag, _ in tags].count("h1") == 1
    assert not {"img", "script", "link", "style", "form", "iframe"} & {tag for tag, _ in tags}
    assert not [attrs for _, attrs in tags if "src" in attrs or "url(" in str(attrs.get("style"))]
    for tag, attrs in tags:
        if tag == "th":
            assert attrs["scope"] == "row"


@pytest.mark.parametrize("name", LETTERS)
def test_lines_are_short_enough_for_any_mail_program(name: str) -> None:
    lines = golden(name).split("\n\n", 1)[1].splitlines()
    assert [line for line in lines if len(line) > 76 and "https://" not in line] == []
    assert len(golden(name).splitlines()[0]) < 180


@pytest.mark.parametrize("name", [name for name in LETTERS if not name.startswith("morning")])
def test_subjects_name_the_reference_and_a_date_and_no_mark(name: str) -> None:
    subject = golden(name).splitlines()[0].removeprefix("Subject: ")
    assert re.match(r"NX\d{5}", subject)
    assert "*" not in subject
    assert re.search(r"\d{1,2} [A-Z][a-z]+ 2026", subject) or "withdrawn" in subject


@pytest.mark.parametrize("template", CHASING)
def test_a_chasing_letter_says_what_by_when_why_how_and_whom(template: str) -> None:
    text = render(template, 1, whole(asked(template), "2026-04-14")).text
    said = " ".join(text.split())
    for needed in (
        "NX00042",
        "NS-04412",
        "Northshire",
        "Community Paediatrics",
        "Monday 13 April 2026",
        "Sunday 12 April 2026",
        "reg 8(1)",
        "https://www.legislation.gov.uk/uksi/2014/1530/regulation/8",
        "6 July 2026",
        "How to answer",
        "If you have already sent it",
        "Whom to ask",
        "send.dco@northernvales-icb.example",
        "A waiting list or a shortage of staff is not an excuse",
        "no statute sets these steps",
    ):
        assert needed in said, needed
    assert text.count("\n> ") + text.startswith("> ") >= 1


def test_every_answer_that_can_be_recorded_can_be_written_back() -> None:
    said = " ".join(render("reminder", 1, LETTERS["reminder_at_three_weeks"][1]).text.split())
    for answer in (
        "Advice sent",
        "Acknowledged",
        "Not known to the service",
        "Discharged",
        "Wrong provider",
        "Existing advice is enough",
        "reg 6(4)",
        "Declined, with written reasons",
        "s31",
        "Missed appointment",
        "Absent",
        "four weeks or more",
        "Exceptional circumstances",
    ):
        assert answer in said, answer


def test_the_excuses_that_a_letter_offers_are_those_of_the_regulation() -> None:
    dates = dates_for(load_law(), load_calendar(), "ehc_body_advice_respond", date(2026, 3, 2), {})
    assert set(dates.excuses) == {"missed_appointment", "absent_4_weeks", "exceptional_circumstances"}


def test_every_letter_that_the_ladder_names_is_in_the_folder() -> None:
    ladder = load_escalation_policy()
    named = {rung.template for steps in ladder.rung.values() for rung in steps} | {
        letter.template for letter in ladder.letter.values()
    }
    for template in named:
        assert newest(template).version >= 1
    history = (rendering.FOLDER / "history-2.part").read_text("utf-8")
    # A letter with a history has words for every letter that the same duty may have called for.
    with_history = [
        steps
        for steps in ladder.rung.values()
        if any('part("history-2")' in newest(rung.template).body for rung in steps)
    ]
    said = {template for steps in with_history for rung in steps for template in (rung.template, rung.withdrawal)}
    assert said
    assert [template for template in said | {"request_received", "thanks"} if f'"{template}"' not in history] == []
    # Those that the shipped policy writes letters with a history to.
    shipped = set(Party) - {Party.OWNER, Party.LOCAL_AUTHORITY, Party.TEAM_ROLE, Party.PARTY}
    assert [party for party in shipped if f'"{party}"' not in history] == []


@pytest.mark.parametrize("field", ["ref", "la", "due", "citation", "beside", "dco", "history"])
def test_a_missing_field_is_an_error_that_names_it_and_no_value(field: str) -> None:
    fields = whole(asked("breach", "service_manager"), "2026-04-14")
    del fields[field]
    with pytest.raises(RenderError, match=field) as caught:
        render("breach", 1, fields)
    assert "NX00042" not in str(caught.value)


def test_a_field_without_a_value_is_an_error_where_it_would_be_said() -> None:
    with pytest.raises(RenderError, match="breach-1"):
        render("breach", 1, whole(asked("breach", "service_manager", la=None), "2026-04-14"))


def test_an_unknown_letter_or_version_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(RenderError, match="reminder"):
        newest("remainder")
    with pytest.raises(RenderError, match="version 99"):
        render("reminder", 99, {})


def test_a_value_with_marks_in_it_stays_a_value() -> None:
    odd = "**Bold** | # Trust <b>&amp; > - Co"
    made = render("reminder", 1, whole(asked("reminder", body=odd), "2026-03-23"))
    assert odd in " ".join(made.text.split())
    assert "&lt;b&gt;&amp;amp;" in made.html
    assert "<b>" not in made.html


@pytest.mark.all_processes
def test_released_letters_never_change() -> None:
    """A change of words is a new file with the next version: old letters must render as they were sent."""
    released = released_digests()
    found = {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in rendering.FOLDER.iterdir()
        if path.suffix in (".md", ".part")
    }
    assert found == released


@pytest.mark.all_processes
def test_every_template_cites_rules_that_the_law_knows() -> None:
    law = load_law()
    for template in shelf().templates.values():
        for rule in template.cites:
            assert law.rule(rule).id == rule


def test_what_is_taken_back_because_nobody_owed_it_any_more_does_not_speak_of_an_answer() -> None:
    """A refusal to assess that was recorded late (decision 062). For every other reason the second version says what
    the first did.
    """
    refused = whole(
        withdrawal(received="2026-03-02", due="2026-04-13", due_now="2026-04-13", closed_on="2026-03-20"), "2026-04-28"
    )
    text = " ".join(render("rung_withdrawn", newest("rung_withdrawn").version, refused).text.split())
    assert (
        "nobody owed it any more: what it was asked for had ended on 20 March 2026, which was not in the record then."
        in text
    )
    assert "Nothing more is" in text and "answer came" not in text
    for template, fields in LETTERS.values():
        if template == "rung_withdrawn":
            assert render(template, 2, fields) == render(template, 1, fields)


def test_the_morning_digest_says_of_which_service_an_escalation_is() -> None:
    """Two services of one case were two lines that read the same."""
    before, now = (render("morning_digest", version, morning()).text for version in (1, 2))
    assert "(Northshire reference NS-04412), Community Paediatrics: Health advice is 92 days overdue." in " ".join(
        now.split()
    )
    assert now.replace(", Community Paediatrics: Health", ": Health", 1).split() == before.split()
