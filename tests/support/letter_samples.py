"""Sample fields for every letter: an invented case whose request was received on 2 March 2026."""

from typing import Any

from notifications.render import render
from tests.support.paths import GOLDEN

FOLDER = GOLDEN / "letters"
DCO = {
    "office": "Designated Clinical Officer's team, Northern Vales Integrated Care Board",
    "mailbox": "send.dco@northernvales-icb.example",
    "icb": "Northern Vales Integrated Care Board",
}
REG_8 = "SEND Regs 2014 (SI 2014/1530) reg 8(1); CFA 2014 s31"
PLAN = {"due": "2026-07-06", "citation": "SEND Regs 2014 (SI 2014/1530) reg 13(2)", "closed_on": None, "met_on": None}


def asked(letter: str, recipient: str = "service", **other: Any) -> dict[str, Any]:
    """Return the fields of one notice as the outbox stores them."""
    return {
        "letter": letter,
        "recipient": recipient,
        "ref": "NX00042",
        "la_ref": "NS-04412",
        "la": "Northshire",
        "service": "Community Paediatrics",
        "body": "Northshire Community Health NHS Trust",
        "received": "2026-03-02",
        "due": "2026-04-13",
        "strict_due": "2026-04-12",
        "act_by": "2026-04-10",
        "citation": REG_8,
        "url": "https://www.legislation.gov.uk/uksi/2014/1530/regulation/8",
        "closed_on": None,
        "met_on": None,
        "excused": False,
        "reopened": 0,
        "acknowledged_on": None,
        "claims": [],
        "beside": {"ehc_final_plan_send": PLAN},
        "history": [{"on": "2026-03-02", "what": "health_advice_requested", "to": None}],
        **other,
    }


def whole(fields: dict[str, Any], on: str) -> dict[str, Any]:
    """Return the fields of a letter with one notice."""
    return {**fields, "on": on, "first": False, "dco": DCO}


CHASED = [
    {"on": "2026-03-02", "what": "health_advice_requested", "to": None},
    {"on": "2026-03-02", "what": "request_received", "to": "service"},
    {"on": "2026-03-05", "what": "acknowledgement_missing", "to": "service"},
    {"on": "2026-03-23", "what": "reminder", "to": "service"},
    {"on": "2026-04-01", "what": "waiting_list_stated", "to": None},
    {"on": "2026-04-07", "what": "reminder", "to": "service"},
]
LATE = [*CHASED, {"on": "2026-04-14", "what": "breach", "to": "service_manager"}]
LATER = [
    *LATE,
    *({"on": "2026-04-21", "what": "escalation_provider", "to": who} for who in ("provider_send_lead", "dco")),
]
RETURNED = {"on": "2026-04-09", "what": "health_advice_returned", "to": None}
ISSUED = {"ehc_final_plan_send": {**PLAN, "met_on": "2026-04-20", "closed_on": "2026-04-20"}}


def withdrawal(**other: Any) -> dict[str, Any]:
    """Return the notice that takes back a breach letter, because the real receipt was on 9 March."""
    corrected = {"received": "2026-03-09", "due": "2026-04-20", "strict_due": "2026-04-19", "act_by": "2026-04-17"}
    about = {"due_was": "2026-04-13", "due_now": "2026-04-20", "told_on": "2026-04-14", "elsewhere": False}
    return asked("rung_withdrawn", "service_manager", **{**corrected, **about, **other})


def _met(on: str) -> dict[str, Any]:
    return {"met_on": on, "closed_on": on}


def _item(fields: dict[str, Any]) -> dict[str, Any]:
    return {"template": fields["letter"], "version": 1, "fields": fields}


def digest(first: bool, on: str, *several: dict[str, Any]) -> dict[str, Any]:
    """Return a letter with several notices to one mailbox, in the order given."""
    return {"on": on, "first": first, "dco": DCO, "items": [_item(each) for each in several]}


OTHER: dict[str, Any] = {
    "ref": "NX00077",
    "la_ref": None,
    "service": "Physiotherapy",
    "received": "2026-03-16",
    "due": "2026-04-27",
    "strict_due": "2026-04-26",
    "act_by": "2026-04-24",
    "beside": {},
}
_DUTY = {
    "ref": "NX00042",
    "la": "Northshire",
    "body": "Northshire Community Health NHS Trust",
    "service": "Community Paediatrics",
}


def morning(**other: Any) -> dict[str, Any]:
    """Return a day on which the digest has every section."""
    return {
        "on": "2026-07-14",
        "first": False,
        "dco": DCO,
        "items": [_item(asked("escalation_provider", "dco", history=LATE))],
        "late": [{**_DUTY, "due": "2026-04-13", "act_by": "2026-04-10", "days_late": 92}],
        "late_count": 2,
        "more_late": 1,
        "la_late": 2,
        "soon": [{**_DUTY, "ref": "NX00081", "due": "2026-07-19", "act_by": "2026-07-17", "days_late": 5}],
        "soon_count": 1,
        "more_soon": 0,
        "la_soon": 1,
        "claims": [
            {
                "ref": "NX00050",
                "on": "2026-07-02",
                "ground": "absent_4_weeks",
                "body": "Northshire Community Health NHS Trust",
            }
        ],
        "look_again": [{"ref": "NX00051", "on": "2026-07-13", "ground": "exceptional_circumstances"}],
        "letters": [
            {
                "id": "20260713-7ce506255e",
                "notices": 2,
                "to": "slt.advice@northshire-community.example",
                "what": "failed, smtp 550; nobody was told",
            }
        ],
        "person_count": 5,
        "more_for_person": 0,
        "held": 14,
        "held_mailboxes": 6,
        "troubled": True,
        "alert": None,
        "head": {"before": "2026-07-14T06:00:00.000000Z", "head": "5f2b" * 16, "cases": 120, "facts": 1408},
        "almanac_ends": "2028-12-31",
        **other,
    }


QUIET: dict[str, Any] = {
    "items": [],
    "late": [],
    "late_count": 0,
    "more_late": 0,
    "la_late": 0,
    "soon": [],
    "soon_count": 0,
    "more_soon": 0,
    "la_soon": 0,
    "claims": [],
    "look_again": [],
    "letters": [],
    "person_count": 0,
    "held": 0,
    "held_mailboxes": 0,
    "troubled": False,
    "almanac_ends": None,
}

LETTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "request_received": ("request_received", whole(asked("request_received"), "2026-03-02")),
    "request_received_of_a_bare_body": (
        "request_received",
        whole(asked("request_received", la_ref=None, service=None, strict_due="2026-04-13"), "2026-03-02"),
    ),
    "acknowledgement_missing": ("acknowledgement_missing", whole(asked("acknowledgement_missing"), "2026-03-05")),
    "reminder_at_three_weeks": ("reminder", whole(asked("reminder", acknowledged_on="2026-03-04"), "2026-03-23")),
    "reminder_on_the_due_day": ("reminder", whole(asked("reminder"), "2026-04-13")),
    "reminder_after_sleeping": ("reminder", whole(asked("reminder"), "2026-04-15")),
    "breach": ("breach", whole(asked("breach", "service_manager", history=CHASED), "2026-04-14")),
    "breach_of_returned_advice": (
        "breach",
        whole(asked("breach", "service_manager", reopened=1, history=[*CHASED, RETURNED]), "2026-04-14"),
    ),
    "escalation_provider_to_the_send_lead": (
        "escalation_provider",
        whole(asked("escalation_provider", "provider_send_lead", history=LATE), "2026-04-21"),
    ),
    "escalation_provider_to_the_dco": (
        "escalation_provider",
        whole(
            asked("escalation_provider", "dco", history=LATE, claims=[{"on": None, "ground": "absent_4_weeks"}]),
            "2026-04-21",
        ),
    ),
    "escalation_icb": (
        "escalation_icb",
        whole(asked("escalation_icb", "icb_executive_lead", history=LATER), "2026-04-28"),
    ),
    "escalation_icb_after_the_plan": (
        "escalation_icb",
        whole(
            asked("escalation_icb", "icb_executive_lead", history=LATER, beside=ISSUED),
            "2026-04-28",
        ),
    ),
    "escalation_icb_past_twenty_weeks": (
        "escalation_icb",
        whole(asked("escalation_icb", "icb_executive_lead", history=LATER), "2026-07-08"),
    ),
    "rung_withdrawn_for_a_corrected_date": ("rung_withdrawn", whole(withdrawal(), "2026-04-28")),
    "rung_withdrawn_and_still_to_come": ("rung_withdrawn", whole(withdrawal(), "2026-04-16")),
    "rung_withdrawn_for_a_request_that_was_none": (
        "rung_withdrawn",
        whole(withdrawal(due_now=None, received=None, due=None, strict_due=None, act_by=None), "2026-04-28"),
    ),
    "rung_withdrawn_for_another_body": ("rung_withdrawn", whole(withdrawal(elsewhere=True), "2026-04-28")),
    "rung_withdrawn_for_an_excuse": (
        "rung_withdrawn",
        whole(withdrawal(due_now="2026-04-13", excused=True), "2026-04-28"),
    ),
    "rung_withdrawn_for_an_earlier_answer": (
        "rung_withdrawn",
        whole(withdrawal(due_now="2026-04-13", **_met("2026-04-10")), "2026-04-28"),
    ),
    "thanks_in_time": ("thanks", whole(asked("thanks", **_met("2026-04-10")), "2026-04-10")),
    "thanks_late": ("thanks", whole(asked("thanks", **_met("2026-04-27")), "2026-04-27")),
    "thanks_excused": ("thanks", whole(asked("thanks", **_met("2026-04-27"), excused=True), "2026-04-27")),
    "digest_of_three": (
        "digest",
        digest(
            False,
            "2026-04-14",
            asked("reminder"),
            withdrawal(ref="NX00061", la_ref=None),
            asked("thanks", **_met("2026-04-14"), **OTHER),
        ),
    ),
    "digest_of_the_first_import": ("digest", digest(True, "2026-04-14", asked("reminder"), asked("reminder", **OTHER))),
    "digest_of_a_long_list": (
        "digest",
        digest(
            False,
            "2026-04-20",
            *(asked("reminder", **{**OTHER, "ref": f"NX{number:05d}"}) for number in range(101, 113)),
            withdrawal(ref="NX00113"),
        ),
    ),
    "digest_with_nothing_asked": (
        "digest",
        digest(False, "2026-04-14", withdrawal(), asked("thanks", **_met("2026-04-14"), **OTHER)),
    ),
    "morning_digest_of_a_full_day": ("morning_digest", morning()),
    "morning_digest_of_a_quiet_day": ("morning_digest", morning(**QUIET)),
    "morning_digest_with_the_alarm": ("morning_digest", morning(**QUIET) | {"alert": {"last": "2026-07-11"}}),
    "morning_digest_3_of_a_full_day": ("morning_digest", morning()),
    "morning_digest_3_of_a_quiet_day": ("morning_digest", morning(**QUIET)),
    "morning_digest_3_with_the_alarm": ("morning_digest", morning(**QUIET) | {"alert": {"last": "2026-07-11"}}),
}
# The samples of later versions; every other sample is of the first version.
VERSIONS = {name: 3 for name in LETTERS if name.startswith("morning_digest_3_")}


def golden(name: str) -> str:
    """Return the content of a letter's golden file: subject, then text."""
    template, fields = LETTERS[name]
    made = render(template, VERSIONS.get(name, 1), fields)
    return f"Subject: {made.subject}\n\n{made.text}"


if __name__ == "__main__":
    # After a change of words: python -m tests.support.letter_samples, then read what git shows.
    for each in LETTERS:
        (FOLDER / f"{each}.txt").write_text(golden(each), "utf-8")
