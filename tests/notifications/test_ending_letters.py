"""The letters that something is needed no longer, and that it is needed after all, read: golden texts, and what each
must and must not say.

    python -m tests.notifications.test_ending_letters

writes the golden texts again after a change of words: read what git shows.
"""

import re
from typing import Any

import pytest

from config.escalation_policy import load_escalation_policy
from config.law import load_law
from notifications.render import newest, render
from statemachines.registry import processes
from tests.support.letter_samples import DCO, FOLDER, asked, whole

REFUSED: dict[str, Any] = {
    "rule": "ehc_body_advice_respond",
    "days": {},
    "closed_on": "2026-03-30",
    "ended_by": "assessment_refused",
    "process": "ehc_needs_assessment",
}
BOARD = {"service": None, "body": "Northern Vales Integrated Care Board"}
LATE = {"closed_on": "2026-04-22"}
SAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "no_longer_needed_after_a_refusal": (asked("no_longer_needed", **REFUSED), "2026-03-30"),
    "no_longer_needed_for_the_send_lead": (
        asked("no_longer_needed", "provider_send_lead", **{**REFUSED, **LATE}),
        "2026-04-22",
    ),
    "no_longer_needed_for_a_review": (
        asked(
            "no_longer_needed",
            rule="review_advice_from_professional",
            days={"meeting_on": "2026-04-20"},
            closed_on="2026-05-04",
            ended_by="plan_kept",
            received="2026-04-20",
            due=None,
            strict_due=None,
            act_by=None,
        ),
        "2026-05-05",
    ),
    "no_longer_needed_for_an_appeal": (
        asked(
            "no_longer_needed",
            rule="appeal_evidence",
            days={"directed_on": "2026-04-13"},
            closed_on="2026-03-16",
            ended_by="appeal_withdrawn",
        ),
        "2026-03-16",
    ),
    "no_longer_needed_of_the_board": (
        asked(
            "no_longer_needed",
            "icb_executive_lead",
            rule="rcb_arrange_mediation",
            days={},
            closed_on="2026-03-30",
            ended_by="mediation_declined",
            **BOARD,
        ),
        "2026-03-30",
    ),
    "needed_after_all": (asked("needed_after_all", rule="ehc_body_advice_respond", days={}), "2026-04-01"),
    "needed_after_all_and_late": (asked("needed_after_all", rule="ehc_body_advice_respond", days={}), "2026-04-15"),
}


def letters() -> dict[str, tuple[str, int, dict[str, Any]]]:
    """Every sample with its letter and version; among them one that gathers an end with what is still owed."""
    alone = {name: (fields["letter"], 1, whole(fields, on)) for name, (fields, on) in SAMPLES.items()}
    alone |= {
        f"{name}_version_2": (fields["letter"], 2, whole(fields, on))
        for name, (fields, on) in SAMPLES.items()
        if name.startswith("no_longer")
    }
    several = (
        asked("reminder", ref="NX00077"),
        SAMPLES["no_longer_needed_after_a_refusal"][0],
        SAMPLES["no_longer_needed_of_the_board"][0],
    )
    items = [{"template": one["letter"], "version": 1, "fields": one} for one in several]
    return alone | {
        "digest_with_what_has_ended": ("digest", 3, {"on": "2026-03-30", "first": False, "dco": DCO, "items": items})
    }


def golden(name: str) -> str:
    made = render(*letters()[name])
    return f"Subject: {made.subject}\n\n{made.text}"


@pytest.mark.parametrize("name", letters())
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}.txt").read_text("utf-8")
    assert [
        line for line in golden(name).split("\n\n", 1)[1].splitlines() if len(line) > 76 and "https://" not in line
    ] == []


@pytest.mark.parametrize("name", letters())
def test_text_and_page_say_the_same(name: str) -> None:
    made = render(*letters()[name])
    text = re.sub(r"^(=+|-+)$|^> |^- ", "", made.text, flags=re.MULTILINE)
    page = (
        re.sub(r"<[^>]*>", " ", made.html.partition("<body")[2].partition(">")[2])
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
    )
    assert re.sub(r"\W+", "", text) == re.sub(r"\W+", "", page)


@pytest.mark.parametrize("name", [name for name in letters() if name.startswith("no_longer")])
def test_nobody_stops_care_because_of_it(name: str) -> None:
    said = " ".join(golden(name).split())
    assert "Appointments, referrals and care go on as they are" in said
    ended = "no longer need" if name.endswith("_version_2") else "Nothing more is owed"
    assert ended in said and "No reply is needed" in said


def test_a_digest_without_an_end_reads_as_before() -> None:
    items = [
        {"template": "reminder", "version": 1, "fields": asked("reminder")},
        {
            "template": "thanks",
            "version": 1,
            "fields": asked("thanks", met_on="2026-04-10", closed_on="2026-04-10", ref="NX00050"),
        },
    ]
    fields = {"on": "2026-04-10", "first": False, "dco": DCO, "items": items}
    assert render("digest", 2, fields) == render("digest", 3, fields)


def test_every_reported_end_has_a_text_of_its_own() -> None:
    ladder, law = load_escalation_policy(), load_law()
    ends = {
        (rule.id, kind)
        for process in processes()
        for rule in law.duties_of(process)
        for kind in (*rule.ends, *rule.superseded_by)
    }
    reported = [
        (rule, kind) for rule, kind in sorted(ends) if rule in ladder.ended and kind not in ladder.ended[rule].unless_by
    ]
    assert len(reported) > 30 and ladder.ended.keys() == {rule for rule, _kind in reported}
    for rule, kind in reported:
        letter = newest(ladder.ended[rule].template)
        text = render(
            letter.id,
            letter.version,
            whole(asked(letter.id, rule=rule, days={}, closed_on="2026-03-30", ended_by=kind), "2026-03-30"),
        ).text
        assert "has come to an end" not in " ".join(text.split()), kind
        assert "what was asked for" not in text.partition("\n")[0], rule


if __name__ == "__main__":
    for each in letters():
        (FOLDER / f"{each}.txt").write_text(golden(each), "utf-8")
