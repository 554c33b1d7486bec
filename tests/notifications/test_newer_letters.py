"""The versions of decisions 188 to 190, on every sample of the versions before them and some of their own."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from notifications.render import FOLDER as TEMPLATES
from notifications.render import newest, render, shelf
from tests.notifications import (
    test_another_boards_letters,
    test_continuing_care_letters,
    test_ending_letters,
    test_review_letters,
    test_section23_and_transfer_letters,
    test_tribunal_and_mediation_letters,
)
from tests.notifications.test_letters_read import VisibleText
from tests.support.letter_samples import FOLDER, LATE, LETTERS, OTHER, QUIET, asked, digest, morning, whole
from tests.support.letter_samples import withdrawal as taken_back
from tests.support.letter_witness import NEVER

# The version of each letter that these goldens are of. A later version gets goldens of its own.
VERSIONS = {
    **dict.fromkeys(("acknowledgement_missing", "breach", "escalation_icb", "escalation_provider", "reminder"), 2),
    **dict.fromkeys(("request_received", "thanks", "needed_after_all", "continuing_care_decision_due"), 2),
    **dict.fromkeys(("continuing_care_decision_overdue", "continuing_care_received", "continuing_care_review_due"), 2),
    **dict.fromkeys(("continuing_care_review_overdue", "continuing_care_withdrawn", "mediation_to_attend"), 2),
    **dict.fromkeys(("review_invited", "review_overdue", "review_reminder", "review_thanks", "review_withdrawn"), 2),
    **dict.fromkeys(("section23_overdue", "section23_steps", "section23_tell_la", "section23_thanks"), 2),
    **dict.fromkeys(("section23_withdrawn", "transfer_begun", "transfer_due", "transfer_escalation"), 2),
    **dict.fromkeys(("transfer_overdue", "transfer_withdrawn", "tribunal_evidence", "tribunal_thanks"), 2),
    **dict.fromkeys(("tribunal_withdrawn",), 2),
    **dict.fromkeys(("mediation_agreed", "mediation_to_arrange", "mediation_withdrawn", "no_longer_needed"), 3),
    **dict.fromkeys(("recommendation_owed", "rung_withdrawn"), 3),
    **dict.fromkeys(("continuing_care_transition_due", "continuing_care_transition_overdue"), 4),
    **dict.fromkeys(("digest", "morning_digest"), 4),
}
NEW: dict[str, Any] = {
    "rule": "ehc_body_advice_respond",
    "days": {},
    "undelivered": [],
    "body_ref": None,
    "ours": False,
    "process": "ehc_needs_assessment",
    "basis": "regulation",
}
FAILED = [{"on": "2026-04-21", "to": "provider_send_lead", "why": "smtp_550"}]


def with_new_fields(letter: str, recipient: str = "service", **other: Any) -> dict[str, Any]:
    """Return the fields of one notice with all that the newer versions may say."""
    return {**NEW, **asked(letter, recipient, **other)}


def many(*more: dict[str, Any]) -> dict[str, Any]:
    """Return a letter to a manager about 18 requests of three services, and what else is given."""
    services = ("Physiotherapy", "Occupational Therapy", "Speech and Language Therapy")
    requests = [
        with_new_fields(
            "breach",
            "service_manager",
            **{
                **OTHER,
                "ref": f"SF-{number:06d}",
                "la_ref": f"NS-{4400 + number:05d}",
                "body_ref": f"OT-{number:03d}" if number % 6 == 0 else None,
                "service": services[number % 3],
                "due": f"2026-0{4 - number % 2}-{10 + number}",
            },
        )
        for number in range(1, 19)
    ]
    return digest(False, "2026-04-29", *requests, *more)


def _older() -> dict[str, tuple[str, Mapping[str, Any]]]:
    found: dict[str, tuple[str, Mapping[str, Any]]] = {
        name: (template, fields) for name, (template, fields) in LETTERS.items() if template != "morning_digest"
    }
    for module, prefix in (
        (test_another_boards_letters, ""),
        (test_continuing_care_letters, "continuing_care_"),
        (test_review_letters, ""),
        (test_section23_and_transfer_letters, ""),
        (test_tribunal_and_mediation_letters, ""),
    ):
        for name, (fields, on) in module.LETTERS.items():
            found[f"{prefix}{name}"] = (fields["letter"], whole(fields, on))
    for name, (fields, on) in test_ending_letters.SAMPLES.items():
        found[name] = (fields["letter"], whole(fields, on))
    return {name: sample for name, sample in found.items() if "_version_" not in name}


CLAIM = {
    "ref": "NX00050",
    "la_ref": "NS-00050",
    "claim": 7,
    "on": "2026-07-02",
    "ground": "absent_4_weeks",
    "body": "Northshire Community Health NHS Trust",
    "service": "Occupational Therapy",
    "words": True,
}
PROVIDERS = [
    {"body": body, "late": late, "longest": longest, "ref": "NX00042", "soon": soon}
    for body, late, longest, soon in (
        ("Northshire Community Health NHS Trust", 12, 92, 3),
        ("Eastmere Hospitals NHS Foundation Trust", 4, 30, 1),
        ("Tarnford Partnership NHS Trust", 0, 0, 2),
    )
]
FULL: dict[str, Any] = {
    "items": [
        {
            "template": "escalation_provider",
            "version": 2,
            "fields": with_new_fields("escalation_provider", "dco", history=LATE),
        },
        {
            "template": "thanks",
            "version": 2,
            "fields": with_new_fields("thanks", met_on="2026-07-13", closed_on="2026-07-13"),
        },
    ],
    "late_count": 16,
    "soon_count": 6,
    "person_count": 8,
    "claims": [CLAIM, {**CLAIM, "claim": 9, "ground": None, "words": False}],
    "look_again": [{"ref": "NX00051", "la_ref": None, "on": "2026-07-13", "ground": "exceptional_circumstances"}],
    "providers": PROVIDERS,
    "more_providers": 0,
    "almanac_ends": None,
}
CALM: dict[str, Any] = {**QUIET, "providers": [], "more_providers": 0}

SAMPLES: dict[str, tuple[str, Mapping[str, Any]]] = {
    **_older(),
    "reminder_with_three_references": (
        "reminder",
        whole(with_new_fields("reminder", body_ref="CP-3312"), "2026-04-07"),
    ),
    "escalation_icb_where_the_lead_was_not_reached": (
        "escalation_icb",
        whole(with_new_fields("escalation_icb", "icb_executive_lead", history=LATE, undelivered=FAILED), "2026-04-28"),
    ),
    "escalation_provider_as_the_first_letter": (
        "escalation_provider",
        whole(with_new_fields("escalation_provider", "provider_send_lead", history=LATE[:1]), "2026-04-21"),
    ),
    "breach_after_an_end_by_mistake": (
        "breach",
        whole(
            with_new_fields(
                "breach",
                "service_manager",
                history=[
                    *LATE[:2],
                    {"on": "2026-03-10", "what": "no_longer_needed", "to": "service"},
                    {"on": "2026-04-09", "what": "needed_after_all", "to": "service"},
                    {"on": "2026-04-10", "what": "health_advice_answered", "to": None, "answer": "not_known"},
                ],
            ),
            "2026-04-14",
        ),
    ),
    "rung_withdrawn_for_a_contact": (
        "rung_withdrawn",
        whole(
            {**NEW, **taken_back(due_now="2026-04-13", due="2026-04-13", acknowledged_on="2026-03-04")}, "2026-04-28"
        ),
    ),
    "digest_of_eighteen": ("digest", many()),
    "digest_of_eighteen_with_a_withdrawal_and_thanks": (
        "digest",
        many(
            {**NEW, **taken_back(ref="SF-000003", la_ref="NS-04403")},
            with_new_fields("thanks", met_on="2026-04-28", closed_on="2026-04-28", ref="NX00077", la_ref=None),
        ),
    ),
    "digest_of_one_request_and_thanks": (
        "digest",
        digest(
            False,
            "2026-04-07",
            with_new_fields("reminder"),
            with_new_fields("thanks", met_on="2026-04-06", closed_on="2026-04-06", **OTHER),
        ),
    ),
    "digest_of_one_request_reminded_to_two_posts": (
        "digest",
        digest(
            False, "2026-04-29", with_new_fields("escalation_provider", "provider_send_lead"), with_new_fields("breach")
        ),
    ),
    "morning_digest_4_of_a_full_day": ("morning_digest", morning(**FULL)),
    "morning_digest_4_of_a_quiet_day": ("morning_digest", morning(**CALM)),
    "morning_digest_4_without_a_sweep": ("morning_digest", morning(**CALM) | {"alert": {"last": "2026-07-11"}}),
}


def made(name: str) -> tuple[str, str, str]:
    """Return subject, text and HTML of a sample in the versions of VERSIONS."""
    template, fields = SAMPLES[name]
    now = {**NEW, **fields} if "items" not in fields else dict(fields)
    if "items" in fields:
        now["items"] = [
            {**item, "version": VERSIONS[item["template"]], "fields": {**NEW, **item["fields"]}}
            for item in fields["items"]
        ]
    return render(template, VERSIONS[template], now)


def golden(name: str) -> str:
    subject, text, _ = made(name)
    return f"Subject: {subject}\n\n{text}"


def file_of(name: str) -> str:
    return f"{name}_version_{VERSIONS[SAMPLES[name][0]]}.txt"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / file_of(name)).read_text("utf-8")


def test_these_are_the_newest_versions() -> None:
    """A later version has a file of tests of its own; until then, what is tested here is what is sent."""
    # test_digest_of_refused_rows, test_ending_letters, test_digest_without_authority
    later = {"morning_digest", "no_longer_needed"}  # test_digest_over_findings, test_ending_letters
    # Letters that ask for something: test_letters_with_links.
    own = {each: version for each, version in VERSIONS.items() if newest(each).called_for != "open"}
    assert {each: newest(each).version for each in own.keys() - later} == {
        each: own[each] for each in own.keys() - later
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_page_say_the_same_words_in_the_same_order(name: str) -> None:
    _, text, html = made(name)
    words = VisibleText()
    words.feed(html)
    plain = re.sub(r"^(=+|[- ]+)$|^> |^- ", "", text, flags=re.MULTILINE)
    assert re.sub(r"\W+", "", plain) == re.sub(r"\W+", "", " ".join(words.said))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_is_sound_and_the_text_narrow(name: str) -> None:
    subject, text, html = made(name)
    words = VisibleText()
    words.feed(html)
    tags = [tag for tag, _ in words.tags]
    assert tags.count("h1") == 1 and ("html", {"lang": "en-GB"}) in words.tags
    assert not {"img", "script", "link", "style", "form", "iframe"} & set(tags)
    assert all("scope" in attrs for tag, attrs in words.tags if tag == "th")
    assert [line for line in text.splitlines() if len(line) > 76 and "https://" not in line] == []
    assert len(subject) < 180 and "*" not in subject


@pytest.mark.parametrize("name", [name for name, (template, _) in SAMPLES.items() if template != "morning_digest"])
def test_every_reference_of_both_sides_is_in_the_letter(name: str) -> None:
    fields = SAMPLES[name][1]
    for each in [item["fields"] for item in fields["items"]] if "items" in fields else [fields]:
        for key in ("ref", "la_ref", "body_ref"):
            assert (each.get(key) or "") in made(name)[1]


def test_the_executive_lead_reads_only_what_was_sent() -> None:
    """The lower letter was refused: "has not put it right" said of people whom no letter reached is not true."""
    reached, not_reached = (
        " ".join(made(name)[1].split()) for name in ("escalation_icb", "escalation_icb_where_the_lead_was_not_reached")
    )
    assert "put it right" not in reached + not_reached
    assert (
        "We wrote to the provider's SEND lead on 21 April 2026, and the request is still open on our record" in reached
    )
    assert "We wrote to the provider's SEND lead" not in not_reached
    assert "No letter of ours to the provider's SEND lead that still stands is on record" in not_reached
    assert "Our letter of 21 April 2026 to the provider's SEND lead could not be delivered." in not_reached
    assert "21 April 2026: a letter to the provider's SEND lead could not be delivered" in not_reached


@pytest.mark.parametrize("words", NEVER)
def test_no_newest_letter_claims_what_no_fact_can_prove(words: str) -> None:
    bodies = {name: shelf().newest[name].body + shelf().newest[name].heading for name in VERSIONS}
    parts = {part for body in bodies.values() for part in re.findall(r'part\("([a-z0-9_]+-\d+)"', body)}
    assert len(parts) > 20
    texts = bodies | {part: (TEMPLATES / f"{part}.part").read_text("utf-8") for part in parts}
    assert [name for name, text in texts.items() if words in text] == []


def test_a_letter_about_lateness_names_the_letter_that_had_said_that_it_was_over() -> None:
    said = " ".join(made("breach_after_an_end_by_mistake")[1].split())
    assert "10 March 2026: the service was told that it is no longer needed" in said
    assert "9 April 2026: the service was told that it is needed after all" in said
    assert "the body answered without advice (not known)" in said


def test_eighteen_requests_are_counted_and_grouped_and_the_latest_is_first() -> None:
    subject, text, html = made("digest_of_eighteen_with_a_withdrawal_and_thanks")
    assert subject == (
        "SF-000001 (NS-04401) and 17 other cases: please answer 18 requests for health advice, the first due 11 March"
        " 2026; an earlier letter is withdrawn"
    )
    assert text.startswith("18 requests for health advice to answer\n")
    assert (
        text.index("First, what we take back") < text.index("What we ask of you") < text.index("For your information")
    )
    assert "do what the table says for each of the 18: all are late, the > longest by 49 days." in " ".join(
        text.split()
    )
    for service in ("Physiotherapy", "Occupational Therapy", "Speech and Language Therapy"):
        assert f"\nNorthshire Community Health NHS Trust: {service}\n" in text
    assert html.count('scope="colgroup"') == 3
    assert text.count("How to answer") == 1
    rows = re.findall(r"^SF-\d{6} .*? (\d+ \w{3} 2026)  (\d+) ", text, flags=re.MULTILINE)
    assert len(rows) == 18
    assert rows[0] == ("11 Mar 2026", "49")


def test_one_request_and_thanks_are_not_called_two_requests() -> None:
    subject = made("digest_of_one_request_and_thanks")[0]
    assert subject == "NX00042 (NS-04412): please answer 1 request for health advice, due 13 April 2026"
    subject, text, _ = made("digest_of_one_request_reminded_to_two_posts")
    assert subject == "NX00042 (NS-04412): please answer 1 request for health advice, due 13 April 2026"
    assert len(re.findall(r"^NX00042", text, flags=re.MULTILINE)) == 1


def test_no_letter_of_thanks_is_among_the_decisions_of_the_digest() -> None:
    text = made("morning_digest_4_of_a_full_day")[1]
    decisions = " ".join(text.partition("To decide or fix\n-")[2].partition("By provider")[0].split())
    assert "Thank you" not in decisions
    assert "Thank you: your health advice came on 13 July 2026" in " ".join(text.split())
    assert "claim 7 of 2 Jul 2026: absent 4 weeks, Occupational Therapy (words" in decisions
    assert "sendflow record CASE excuse_decided" in decisions


if __name__ == "__main__":
    # After a new version: python -m tests.notifications.test_newer_letters, then read what git shows.
    for each in SAMPLES:
        (FOLDER / file_of(each)).write_text(golden(each), "utf-8")
