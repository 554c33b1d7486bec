"""What may happen in every state of a mediation, written out by hand from CFA 2014 s52 to s56 and SEND Regs 2014 regs
32 to 42; and what each guard asks.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from deadlines.duties import Duty, duties_of
from deadlines.status import days_late, status_of
from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.mediation import PROCESS, remarks
from statemachines.process import NotPermitted
from statemachines.replay import replay
from tests.support.by_hand import book, dates_of, day, history
from tests.support.hand_table import HandTable, asked_before

ENGINE = {
    "chasing_began",
    "child_joined",
    "child_parted",
    "reminder_due",
    "breached",
    "escalation_due",
    "rung_withdrawn",
    "notice_sent",
    "notice_failed",
    "notice_came_back",
    "notice_undelivered",
    "letters_held",
    "letters_released",
}
ALWAYS = {"fact_corrected", "fact_withdrawn", "person_died", "person_flagged_sensitive"} | ENGINE
# The authority's plans and notices come from other cases, in every state (reg 42(2), 44).
PLANS = {
    "assessment_notified",
    "no_plan_notified",
    "draft_plan_sent",
    "final_plan_sent",
    "case_reconsidered",
    "amended_plan_sent",
    "placement_amended",
    "plan_continued",
}
# CFA 2014 s42(3): section G of a plan that was amended under an agreement, at any time after that plan.
SECTION_G = {"section_g_arranged", "section_g_stopped", "section_g_replaced"}
# A plan ceases on another case (CFA 2014 s45), and section G with it.
PLAN_END = {"plan_ended", "plan_resumed"}
OPEN = (
    ALWAYS
    | PLANS
    | SECTION_G
    | {
        "excuse_claimed",
        "excuse_decided",
        "chasing_paused",
        "contact_made",
        "body_replied",
        "case_linked",
        "case_unlinked",
        "dco_attended",
        "case_withdrawn",
        "case_closed",
    }
)
ROUTES = {"education_mediation_wanted", "mixed_mediation_wanted", "health_mediation_wanted"}
AGREEMENTS = {
    "agreed_to_assess",
    "agreed_to_reassess",
    "agreed_to_make_plan",
    "agreed_to_reconsider",
    "agreed_to_amend_provision",
    "agreed_to_amend_placement",
    "agreed_to_continue_plan",
    "agreed_to_continue_and_amend",
    "commissioner_agreement_made",
    "commissioner_action_agreed",
    "authority_action_agreed",
}

PERMITTED = {
    # reg 33: the family contacts the adviser; reg 34(1): says that it does not want mediation, or that it does (s53,
    # s54).
    "notified": OPEN | ROUTES | {"adviser_contacted", "mediation_declined"},
    "contacted": OPEN | ROUTES | {"mediation_declined"},
    # reg 34(1): a certificate follows.
    "declined": OPEN | {"certificate_issued"},
    # reg 35(2) each commissioning body is notified; reg 35(3), (4), 36(2) mediation is arranged; reg 39(2) or it cannot
    # be in time.
    "wanted": (
        OPEN | {"commissioner_notified", "mediation_arranged", "mediation_cannot_be_arranged", "mediation_declined"}
    ),
    # reg 37(2): the parent is informed of day and place, or agrees to shorter notice.
    "arranged": (
        OPEN
        | {
            "commissioner_notified",
            "mediation_arranged",
            "mediation_cannot_be_arranged",
            "mediation_declined",
            "mediation_date_told",
            "shorter_notice_agreed",
            "mediation_concluded",
        }
    ),
    # reg 39(3): the certificate is issued, and they may meet later all the same.
    "unarranged": OPEN | {"certificate_issued", "mediation_arranged"},
    # reg 39(1) a certificate, reg 42 agreements; either may come first.
    "concluded": OPEN | AGREEMENTS | {"certificate_issued", "mediation_date_told"},
    "certified": OPEN | AGREEMENTS | {"mediation_arranged"},
    # reg 42(3) the body acts, 42(4) it informs the authority, 42(5) both agree another time in writing.
    "agreed": (
        OPEN
        | AGREEMENTS
        | PLAN_END
        | {"certificate_issued", "agreed_action_done", "la_told_of_agreement", "other_time_agreed"}
    ),
    "withdrawn": ALWAYS,
    "closed": ALWAYS,
}
MOVES = {
    ("notified", "adviser_contacted"): "contacted",
    **{(state, kind): "wanted" for state in ("notified", "contacted") for kind in ROUTES},
    **{(state, "mediation_declined"): "declined" for state in ("notified", "contacted", "wanted", "arranged")},
    **{(state, "mediation_arranged"): "arranged" for state in ("wanted", "arranged", "unarranged", "certified")},
    **{(state, "mediation_cannot_be_arranged"): "unarranged" for state in ("wanted", "arranged")},
    ("arranged", "mediation_concluded"): "concluded",
    **{(state, "certificate_issued"): "certified" for state in ("declined", "unarranged", "concluded")},
    ("agreed", "certificate_issued"): "agreed",
    **{(state, kind): "agreed" for state in ("concluded", "certified", "agreed") for kind in AGREEMENTS},
    **{
        (state, f"case_{end}"): end
        for state in PERMITTED
        for end in ("withdrawn", "closed")
        if state not in ("withdrawn", "closed")
    },
}


LATER = ("contacted", "declined", "wanted", "arranged", "unarranged", "concluded", "certified")
BEFORE_AGREEMENT = ("notified", "contacted", "declined", "wanted", "arranged", "unarranged")
NO_AGREEMENT = (
    (*BEFORE_AGREEMENT, "concluded", "certified"),
    "what is done under an agreement has an agreement before it (reg 42(3) to (5))",
)


def of_the_same_decision(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Notices of one case are of one decision (s52(2)), where they say which."""
    notices = [each for each in before if each.kind == "appealable_notice_sent"]
    return not notices or len({each.data.get("decision") for each in (*notices, fact)} - {None}) < 2


TABLE = HandTable(
    usual=PERMITTED,
    moves=MOVES,
    unusual_moves={
        # The family that declined, or has its certificate, wants mediation after all: s53, s54 ask for no order. Where
        # it was arranged, or could not be, it is wanted on other issues: another has to arrange it then (reg 35, 36).
        **{
            (state, kind): "wanted"
            for state in ("declined", "arranged", "unarranged", "concluded", "certified")
            for kind in ROUTES
        },
        ("unarranged", "mediation_declined"): "declined",
        # reg 36(2): a late day is a day; a meeting after the certificate is a meeting.
        **{(state, "mediation_arranged"): "arranged" for state in ("notified", "contacted", "declined", "concluded")},
        **{
            (state, "mediation_concluded"): "concluded"
            for state in ("notified", "contacted", "declined", "wanted", "unarranged", "certified")
        },
        # A notice that comes after the family has acted changes nothing of what it did.
        **{(state, "appealable_notice_sent"): state for state in ("notified", *LATER, "agreed")},
        # The certificate alone is known.
        **{(state, "certificate_issued"): "certified" for state in ("notified", "contacted")},
        **{(state, kind): "agreed" for state in BEFORE_AGREEMENT for kind in AGREEMENTS},
    },
    leaves={
        "appealable_notice_sent": "nothing: the first notice gives the two months (reg 33), and what was done counts",
        **dict.fromkeys(PLAN_END, "section G of a plan that goes on (s42(3))"),
        "adviser_contacted": "nothing: no duty hangs on it",
        "mediation_declined": "what the authority had not arranged by then was late or is ended by the family's word",
        **dict.fromkeys(ROUTES, "the duty to arrange, thirty days from this day (reg 35, 36(2))"),
        "commissioner_notified": "the body's part from its own receipt (reg 35(3), (4))",
        "mediation_arranged": "nothing of the duty to arrange, met late if it is; the family is informed in time",
        "mediation_cannot_be_arranged": "the duty to arrange, which no certificate ends",
        "mediation_date_told": "nothing of reg 37(2)",
        "shorter_notice_agreed": "nothing: it moves the day of reg 37(2)",
        "mediation_concluded": "the certificate in three working days (reg 39(1))",
        "certificate_issued": "the duty to arrange, if the family wants mediation",
        **dict.fromkeys(AGREEMENTS, "what was agreed, in the time of reg 42(2) or (3)"),
    },
    impossible={
        "agreed_action_done": NO_AGREEMENT,
        "la_told_of_agreement": NO_AGREEMENT,
        "other_time_agreed": NO_AGREEMENT,
    },
    again={"appealable_notice_sent": ("notified", *LATER, "agreed")},
    possible={
        # A notice may be sent again; the notice of another decision opens another case.
        "appealable_notice_sent": lambda before, fact: of_the_same_decision(before, fact),
        "plan_resumed": asked_before("plan_ended", per_body=False),
        "section_g_arranged": lambda before, fact: amended_section_g(before, fact),
        "section_g_replaced": lambda before, fact: amended_section_g(before, fact),
        "section_g_stopped": lambda before, fact: (
            amended_section_g(before, fact) and any(each.kind == "section_g_arranged" for each in before)
        ),
    },
)


def amended_section_g(before: Sequence[StoredFact], _fact: StoredFact) -> bool:
    return any(each.kind == "amended_plan_sent" and each.data.get("section_g") == "changed" for each in before)


def test_every_state_and_fact_is_in_the_table_and_leads_where_the_law_says() -> None:
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"appealable_notice_sent"}
    assert dict(PROCESS.usual_moves) == MOVES


def facts(*more: tuple[Any, ...]) -> list[StoredFact]:
    return history(("appealable_notice_sent", "2 Mar 2026", {"la": "northshire"}), *more)


def refused(*more: tuple[Any, ...]) -> str:
    with pytest.raises(NotPermitted) as problem:
        replay("ME90001", facts(*more))
    return problem.value.sentence


def duties(*more: tuple[Any, ...]) -> dict[str, Duty]:
    casefile = replay("ME90001", facts(*more))
    return {
        duty.rule: duty for duty in duties_of(casefile.lines, book("mediation"), dates_of(), casefile.claims.values())
    }


ICB = {"body": "QX900"}
HEALTH = ("health_mediation_wanted", "9 Mar 2026")
MIXED = ("mixed_mediation_wanted", "9 Mar 2026")
NOTICE = ("commissioner_notified", "11 Mar 2026", {**ICB, "issues": "health_only"})
HELD = (("mediation_arranged", "13 Mar 2026", {"meeting_on": "2026-04-08"}), ("mediation_concluded", "8 Apr 2026"))


def test_a_certificate_follows_one_of_three_things() -> None:
    said = refused(("adviser_contacted", "9 Mar 2026"), ("certificate_issued", "10 Mar 2026"))
    assert "reg 34" in said
    assert "reg 39(1)" in said
    assert (
        replay("ME90001", facts(("mediation_declined", "9 Mar 2026"), ("certificate_issued", "10 Mar 2026"))).state
        == "certified"
    )


def test_no_certificate_is_deemed_where_the_issues_are_about_health_alone() -> None:
    said = refused(HEALTH, NOTICE, ("mediation_cannot_be_arranged", "1 Apr 2026"))
    assert "reg 39(2)" in said
    assert "mediation_arranged" in said
    assert replay("ME90001", facts(MIXED, ("mediation_cannot_be_arranged", "1 Apr 2026"))).state == "unarranged"


def test_a_body_is_notified_of_what_mediation_is_wanted_on() -> None:
    assert "mixed_mediation_wanted" in refused(
        HEALTH, ("commissioner_notified", "11 Mar 2026", {**ICB, "issues": "mixed"})
    )
    assert "health_mediation_wanted" in refused(("education_mediation_wanted", "9 Mar 2026"), NOTICE)


def test_an_agreement_comes_of_a_mediation_that_was_held() -> None:
    said = refused(
        ("mediation_declined", "9 Mar 2026"), ("certificate_issued", "10 Mar 2026"), ("agreed_to_assess", "12 Mar 2026")
    )
    assert "none has concluded" in said
    assert "mediation_concluded comes first" in refused(MIXED, ("agreed_to_assess", "12 Mar 2026"))


def test_only_where_the_authority_took_no_part_is_it_informed_of_the_agreement() -> None:
    said = refused(MIXED, *HELD, ("commissioner_agreement_made", "8 Apr 2026", ICB))
    assert "commissioner_action_agreed" in said


def test_each_route_lays_the_duty_to_arrange_on_another() -> None:
    education = duties(("education_mediation_wanted", "9 Mar 2026"))
    assert education["la_arrange_mediation"].due == day("8 Apr 2026"), "30 days from the day after (reg 36(2))"
    assert "la_notify_rcb_mediation" not in education
    mixed = duties(MIXED, ("commissioner_notified", "11 Mar 2026", {**ICB, "issues": "mixed"}))
    assert mixed["la_notify_rcb_mediation"].due == day("12 Mar 2026"), "three working days (reg 35(2))"
    assert mixed["la_arrange_mediation_health_mixed"].due == day("8 Apr 2026")
    assert "rcb_arrange_mediation" not in mixed
    health = duties(HEALTH, NOTICE)
    assert (health["rcb_arrange_mediation"].body, health["rcb_arrange_mediation"].due) == (
        "QX900",
        day("10 Apr 2026"),
    ), "from the body's own receipt"
    assert "la_arrange_mediation" not in health
    assert "la_arrange_mediation_health_mixed" not in health


def test_the_family_is_informed_five_working_days_before_or_as_it_agrees() -> None:
    arranged = ("mediation_arranged", "13 Mar 2026", {"meeting_on": "2026-04-08"})
    # Good Friday 3 April and Easter Monday 6 April are no working days.
    assert duties(MIXED, arranged)["mediation_date_notice"].due == day("30 Mar 2026")
    assert duties(MIXED, arranged, ("shorter_notice_agreed", "31 Mar 2026", {"agreed_on": "2026-04-02"}))[
        "mediation_date_notice"
    ].due == day("2 Apr 2026")
    moved = duties(MIXED, arranged, ("mediation_arranged", "20 Mar 2026", {"meeting_on": "2026-04-15"}))
    assert moved["mediation_date_notice"].due == day("8 Apr 2026")
    assert moved["mediation_date_notice"].closed_on is None


def test_what_was_agreed_is_done_in_two_weeks_and_the_authority_informed_in_one() -> None:
    held = (HEALTH, NOTICE, *HELD, ("commissioner_agreement_made", "8 Apr 2026", ICB))
    agreed = duties(*held)
    assert agreed["mediation_agreement_no_appeal_right"].due == day("22 Apr 2026"), "reg 42(3)"
    assert agreed["rcb_notify_la_mediation_agreement"].due == day("15 Apr 2026"), "reg 42(4)"
    other = (
        "other_time_agreed",
        "10 Apr 2026",
        {"rule": "mediation_agreement_no_appeal_right", "agreed_on": "2026-05-29"},
    )
    later = duties(*held, other)
    assert later["mediation_agreement_no_appeal_right"].due == day("29 May 2026"), "reg 42(5)"
    assert later["rcb_notify_la_mediation_agreement"].due == day("15 Apr 2026"), "reg 42(5) does not reach (4)"


def test_what_one_does_is_not_what_the_other_agreed_to_do() -> None:
    both: tuple[tuple[Any, ...], ...] = (
        MIXED,
        *HELD,
        ("commissioner_action_agreed", "8 Apr 2026", ICB),
        ("authority_action_agreed", "8 Apr 2026", {}),
    )

    def open_of(*more: tuple[Any, ...]) -> list[str | None]:
        casefile = replay("ME90001", facts(*both, *more))
        found = duties_of(casefile.lines, book("mediation"), dates_of())
        return [
            duty.body for duty in found if duty.rule == "mediation_agreement_no_appeal_right" and duty.closed_on is None
        ]

    assert open_of() == ["QX900", None]
    assert open_of(("agreed_action_done", "14 Apr 2026", {})) == ["QX900"], (
        "done without a body's name: the authority's part"
    )
    assert open_of(("agreed_action_done", "14 Apr 2026", ICB)) == [None]


def test_an_agreement_about_what_could_be_appealed_counts_as_an_order() -> None:
    held = (MIXED, *HELD, ("agreed_to_assess", "8 Apr 2026"))
    agreed = duties(*held)
    dues = [agreed[f"order_assess_{what}"].due for what in ("notify", "no_plan_notify", "final_plan")]
    assert dues == [day("22 Apr 2026"), day("17 Jun 2026"), day("15 Jul 2026")], "2, 10 and 14 weeks"
    other = ("other_time_agreed", "10 Apr 2026", {"rule": "order_assess_final_plan", "agreed_on": "2026-06-30"})
    later = duties(*held, other)
    assert later["order_assess_final_plan"].due == day("30 Jun 2026")
    assert later["order_assess_no_plan_notify"].due == day("17 Jun 2026"), (
        "the other time was agreed for one duty alone"
    )
    met = duties(*held, ("final_plan_sent", "20 Jul 2026"))["order_assess_final_plan"]
    assert (status_of(met, day("21 Jul 2026")), days_late(met, day("21 Jul 2026"))) == ("met_late", 5)


def test_what_was_agreed_is_done_by_the_body_that_agreed() -> None:
    def refused(*more: tuple[Any, ...]) -> str:
        with pytest.raises(NotPermitted) as unlawful:
            replay("ME90001", [line._replace(machine=2) for line in facts(*more)])
        return unlawful.value.sentence

    agreed = (HEALTH, NOTICE, *HELD, ("commissioner_agreement_made", "8 Apr 2026", ICB))
    assert "the authority agreed to nothing of the sort" in refused(*agreed, ("agreed_action_done", "14 Apr 2026", {}))
    assert "--data body=QX900" in refused(*agreed, ("agreed_action_done", "14 Apr 2026", {"body": "QX901"}))
    assert "commissioner_agreement_made first" in refused(
        *agreed, ("la_told_of_agreement", "14 Apr 2026", {"body": "QX901"})
    )
    mixed = (MIXED, *HELD, ("agreed_to_assess", "8 Apr 2026"))
    assert "record what was agreed first" in refused(*mixed, ("agreed_action_done", "14 Apr 2026", ICB))
    assert replay("ME90001", facts(*agreed, ("agreed_action_done", "14 Apr 2026", {}))).state == "agreed", (
        "a fact of the first version remains valid"
    )


def test_every_notified_body_takes_part_and_a_remark_says_so_until_it_is_over() -> None:
    other = ("commissioner_notified", "12 Mar 2026", {"body": "QX901", "issues": "mixed"})
    notified = (MIXED, ("commissioner_notified", "11 Mar 2026", {**ICB, "issues": "mixed"}), other)
    (said,) = remarks(replay("ME90001", facts(*notified)))
    assert said.startswith(
        "QX900 and QX901 have to take part in the mediation (CFA 2014 s53; SEND Regs 2014 reg 35(4))"
    )
    (said,) = remarks(replay("ME90001", facts(*notified, HELD[0])))
    assert "mediation of 2026-04-08" in said and "reg 37(1)" in said
    assert remarks(replay("ME90001", facts(*notified, *HELD))) == []
    assert remarks(replay("ME90001", facts(MIXED))) == []


# Out of order -------------------------------------------------------------------------------------------------------


def now(*more: tuple[Any, ...]) -> CaseFile:
    return replay("ME90001", [fact._replace(machine=PROCESS.version) for fact in facts(*more)])


def test_mediation_after_the_certificate_is_taken_and_marked_with_the_provision() -> None:
    taken = now(
        MIXED,
        ("mediation_cannot_be_arranged", "1 Apr 2026"),
        ("certificate_issued", "3 Apr 2026"),
        ("mediation_arranged", "13 Apr 2026", {"meeting_on": "2026-05-01"}),
        ("mediation_concluded", "1 May 2026"),
    )
    assert taken.state == "concluded"
    assert not taken.out_of_order, "reg 39(3) foresees that they meet later"
    declined = now(
        ("mediation_declined", "9 Mar 2026"),
        ("certificate_issued", "10 Mar 2026"),
        ("mediation_arranged", "13 Apr 2026", {"meeting_on": "2026-05-01"}),
    )
    assert list(declined.out_of_order) == [4]
    assert "39(3)" in declined.out_of_order[4]


def test_an_agreement_without_a_mediation_is_marked_and_what_nobody_agreed_cannot_be_done() -> None:
    taken = now(("certificate_issued", "10 Mar 2026"), ("agreed_to_assess", "12 Mar 2026"))
    assert taken.state == "agreed" and set(taken.out_of_order) == {2, 3}
    with pytest.raises(NotPermitted, match="record what was agreed first"):
        now(MIXED, ("agreed_action_done", "14 Apr 2026", ICB))


def test_a_case_with_one_newer_fact_is_judged_by_the_newer_machine() -> None:
    certified = facts(("certificate_issued", "10 Mar 2026"), ("mediation_concluded", "1 May 2026"))
    with pytest.raises(NotPermitted):
        replay("ME90001", certified)
    newer = [*certified[:-1], certified[-1]._replace(machine=PROCESS.version)]
    assert set(replay("ME90001", newer).out_of_order) == {2, 3}, "out of order by the newest machine in the case"
