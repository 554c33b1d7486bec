"""The versions of letters that have links to answer them: every sample of the versions before, read with links."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from notifications.render import render
from tests.notifications import test_newer_letters as before
from tests.notifications.test_letters_read import VisibleText
from tests.support.letter_samples import FOLDER, whole

# Each letter that asks for something, and its version with links.
VERSIONS = {
    **dict.fromkeys(("acknowledgement_missing", "breach", "escalation_icb", "escalation_provider", "reminder"), 3),
    **dict.fromkeys(("request_received", "needed_after_all", "continuing_care_decision_due", "section23_overdue"), 3),
    **dict.fromkeys(("continuing_care_decision_overdue", "continuing_care_received", "continuing_care_review_due"), 3),
    **dict.fromkeys(("continuing_care_review_overdue", "mediation_to_attend", "review_invited", "review_overdue"), 3),
    **dict.fromkeys(("review_reminder", "section23_steps", "section23_tell_la", "transfer_begun", "transfer_due"), 3),
    **dict.fromkeys(("transfer_escalation", "transfer_overdue", "tribunal_evidence"), 3),
    **dict.fromkeys(("mediation_agreed", "mediation_to_arrange", "recommendation_owed"), 4),
    **dict.fromkeys(("continuing_care_transition_due", "continuing_care_transition_overdue"), 5),
    "digest": 6,
}
THIS, ALL = "https://answer.invalid/1f", "https://answer.invalid/a11"
OF_THE_BODY = ("service", "service_manager", "provider_send_lead")
RECEIPT: dict[str, Any] = {
    "said": "We expect to send it, or do it: 8 April 2026",
    "does": "The team sees it. It is owed, due 13 April 2026, and the date does not move.",
    "on": "2026-04-01",
}


def samples() -> dict[str, tuple[str, Mapping[str, Any]]]:
    return {name: sample for name, sample in before.SAMPLES.items() if sample[0] in VERSIONS}


def with_links(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a letter as delivery stores them: a link for each request to a body, and one for all."""
    if "items" not in fields:
        own = {"links": {"this": THIS, "all": ALL}} if fields["recipient"] in OF_THE_BODY else {}
        return {**before.NEW, **fields, **own}
    items = []
    for number, item in enumerate(fields["items"]):
        version = VERSIONS.get(item["template"]) or before.VERSIONS[item["template"]]
        own = {"links": {"this": f"{THIS}{number}"}} if item["template"] in VERSIONS else {}
        items.append({**item, "version": version, "fields": {**before.NEW, **item["fields"], **own}})
    return {**fields, "items": items, "links": {"all": ALL}}


def golden(name: str) -> str:
    template, fields = samples()[name]
    subject, text, _html = render(template, VERSIONS[template], with_links(fields))
    return f"Subject: {subject}\n\n{text}"


def first_block(text: str) -> str:
    """What a letter says first, after its heading."""
    return " ".join(text.partition("\n> ")[2].partition("\n\n")[0].replace("\n> ", " ").split())


def file_of(name: str) -> str:
    return f"{name}_version_{VERSIONS[samples()[name][0]]}.txt"


@pytest.mark.parametrize("name", samples())
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / file_of(name)).read_text("utf-8")


@pytest.mark.parametrize("name", samples())
def test_without_links_it_is_the_version_before_with_whom_it_is_for(name: str) -> None:
    template, fields = samples()[name]
    plain = {**with_links(fields), "links": None}
    if "items" in plain:
        for item in plain["items"]:
            item["fields"] = {key: value for key, value in item["fields"].items() if key != "links"}
    now = render(template, VERSIONS[template], plain)
    assert now.subject == before.made(name)[0]
    assert "answer.invalid" not in now.text
    then = " ".join(before.made(name)[1].replace("\n> ", " ").split())
    then = then.replace("is not an excuse under reg 8(2)", "is no exception under reg 8(2)")  # the term of the law
    flat = " ".join(now.text.replace("\n> ", " ").split())
    whom = re.match(r"For .*?\. (?=Please)", first_block(now.text))
    assert whom is not None or template == "digest"
    if template != "digest" and whom is not None:
        assert flat.replace(whom[0], "", 1) == then


@pytest.mark.parametrize("name", samples())
def test_text_and_page_say_the_same_words_and_links_are_links(name: str) -> None:
    template, fields = samples()[name]
    _subject, text, html = render(template, VERSIONS[template], with_links(fields))
    words = VisibleText()
    words.feed(html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))
    for link in set(re.findall(r"https://answer\.invalid/\w+", text)):
        assert f'href="{link}"' in html
    assert [line for line in text.splitlines() if len(line) > 76 and "https://" not in line] == []


@pytest.mark.parametrize("name", samples())
def test_who_answers_for_a_body_has_the_link_and_nobody_else(name: str) -> None:
    template, fields = samples()[name]
    text = render(template, VERSIONS[template], with_links(fields)).text
    if template != "digest":
        assert (THIS in text) == (ALL in text) == (fields["recipient"] in OF_THE_BODY)
        assert first_block(text).startswith("For "), "the first line says of whom"
    else:
        assert ALL in text


def test_the_first_line_says_what_is_wanted_of_whom_and_by_when() -> None:
    fields = whole(
        before.with_new_fields("reminder", "service_manager", links={"this": THIS, "all": ALL}), "2026-04-07"
    )
    text = render("reminder", 3, fields).text
    assert first_block(text) == (
        "For the manager of Community Paediatrics, Northshire Community Health NHS Trust. Please send your health"
        " advice to Northshire by Friday 10 April 2026."
    )


def test_the_receipt_says_what_was_recorded_and_what_it_does() -> None:
    fields = whole(before.with_new_fields("reply_receipt", replied=RECEIPT), "2026-04-02")
    subject, text, _html = render("reply_receipt", 1, fields)
    assert f"Subject: {subject}\n\n{text}" == (FOLDER / "reply_receipt.txt").read_text("utf-8")


def write() -> None:
    """Write the golden files once. They never change after they are reviewed."""
    for name in samples():
        path = FOLDER / file_of(name)
        if not path.exists():
            path.write_text(golden(name), "utf-8")
    path = FOLDER / "reply_receipt.txt"
    if not path.exists():
        subject, text, _html = render(
            "reply_receipt", 1, whole(before.with_new_fields("reply_receipt", replied=RECEIPT), "2026-04-02")
        )
        path.write_text(f"Subject: {subject}\n\n{text}", "utf-8")


if __name__ == "__main__":
    write()
