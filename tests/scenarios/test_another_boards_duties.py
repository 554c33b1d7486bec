"""Several boards have duties about one child: each gets letters about its own, and we about a late duty of another.

Dates are worked by hand. A recommendation of 20 April 2026 is answered in five weeks beginning with it, by Sunday 24
May.
"""

import pytest

from tests.support.team import Team

OURS, THEIRS = "QX900", "QX901"
DCO, EXECUTIVE, NEIGHBOUR = (
    "send.dco@northernvales-icb.example",
    "executive.lead.send@northernvales-icb.example",
    "send.dco@southernmarches-icb.example",
)


def sent(team: Team, since: str = "2026-01-01") -> list[tuple[str, str, str]]:
    return [(on, mailbox, subject.partition(": ")[2]) for on, mailbox, subject in team.post.log() if on >= since]


@pytest.fixture
def recommended(team: Team) -> Team:
    """An appeal that has been decided."""
    team.case = "TR90001"
    team.record("2 Feb 2026", "extended_appeal_registered", la="northshire", appeal="contents", issues="health")
    team.record("13 Apr 2026", "hearing_held")
    team.record("20 Apr 2026", "order_to_amend_provision_made")
    return team


def days(team: Team, *when: str) -> None:
    for each in when:
        team.day(each)


CHASED = ("20 Apr 2026", "11 May 2026", "18 May 2026", "26 May 2026", "28 May 2026")


def test_another_boards_late_answer_to_a_recommendation_is_shown_to_our_board(
    recommended: Team,
) -> None:
    recommended.record("20 Apr 2026", "health_recommendation_made", body=THEIRS)
    days(recommended, *CHASED)
    owed = "recommendation of the Tribunal, answer due 24 May 2026"
    late = "recommendation of the Tribunal, answer overdue since 24 May 2026"
    assert sorted(sent(recommended)) == sorted(
        [
            ("2026-04-20", NEIGHBOUR, owed),
            ("2026-05-11", NEIGHBOUR, owed),
            ("2026-05-18", NEIGHBOUR, owed),
            ("2026-05-26", NEIGHBOUR, late),
            ("2026-05-26", DCO, late),
            ("2026-05-28", EXECUTIVE, late),
        ]
    )
    said = {letter.mailbox: " ".join(letter.text.replace("> ", "").split()) for letter in recommended.post.letters[-3:]}
    assert "Please send the written answer to the parent or young person and to Northshire now." in said[NEIGHBOUR]
    assert "Reply with the day on which both had the answer" in said[NEIGHBOUR]
    assert "Please ask Southern Marches Integrated Care Board for its written answer now." in said[DCO]
    assert "ask the executive lead of Southern Marches Integrated Care Board" in said[EXECUTIVE]
    recommended.record(
        "29 May 2026", "health_recommendation_answered", body=THEIRS, follows="in_full", sent_to="parent_and_la"
    )
    recommended.day("29 May 2026")
    assert [to for _on, to, _subject in sent(recommended, "2026-05-29")] == [NEIGHBOUR]


def test_our_own_is_worked_by_our_team_as_before_with_one_letter_a_step(recommended: Team) -> None:
    recommended.record("20 Apr 2026", "health_recommendation_made", body=OURS)
    days(recommended, *CHASED)
    assert [(on, to) for on, to, _subject in sent(recommended)] == [
        ("2026-04-20", DCO),
        ("2026-05-11", DCO),
        ("2026-05-18", EXECUTIVE),
        ("2026-05-18", DCO),
        ("2026-05-26", DCO),
        ("2026-05-28", EXECUTIVE),
    ]


@pytest.fixture
def mixed(team: Team) -> Team:
    """Mediation is wanted on Monday 2 March 2026 on health among other issues: the authority has until 1 April to
    arrange it.
    """
    team.case = "ME90001"
    team.record("25 Feb 2026", "appealable_notice_sent", la="northshire", decision="contents_of_plan")
    team.record("2 Mar 2026", "mixed_mediation_wanted")
    return team


def test_a_board_is_informed_that_it_has_to_take_part_and_on_which_day(mixed: Team) -> None:
    mixed.record("4 Mar 2026", "commissioner_notified", body=THEIRS, issues="mixed")
    mixed.record("4 Mar 2026", "commissioner_notified", body=OURS, issues="mixed")
    mixed.day("4 Mar 2026")
    mixed.record("10 Mar 2026", "mediation_arranged", meeting_on="2026-03-26")
    days(mixed, "10 Mar 2026", "11 Mar 2026", "19 Mar 2026")
    mixed.record("20 Mar 2026", "mediation_arranged", meeting_on="2026-03-31")
    days(mixed, "20 Mar 2026", "24 Mar 2026")
    mixed.record("31 Mar 2026", "mediation_concluded")
    days(mixed, "31 Mar 2026", "1 Apr 2026", "8 Apr 2026")
    each = [(on, subject) for on, to, subject in sent(mixed) if to == NEIGHBOUR]
    assert each == [
        ("2026-03-04", "mediation to take part in, Northshire is to fix the day by 1 April 2026"),
        ("2026-03-10", "mediation to take part in, on 26 March 2026"),
        ("2026-03-19", "mediation to take part in, on 26 March 2026"),
        ("2026-03-20", "please act on 1 mediation duty, due 31 March 2026; an earlier letter is withdrawn"),
        ("2026-03-24", "mediation to take part in, on 31 March 2026"),
    ]
    assert [on for on, to, _subject in sent(mixed) if to == DCO] == [on for on, _subject in each]
    (text,) = [
        letter.text for letter in mixed.post.letters if letter.mailbox == NEIGHBOUR and letter.written_at.day == 20
    ]
    moved = " ".join(text.replace("> ", "").split())
    assert "By our record the mediation is now on 31 March 2026" in moved
    assert "31 Mar 2026 not late name who takes part on 31 Mar 2026" in moved
    assert mixed.duty("8 Apr 2026", "rcb_take_part_mediation", opened_seq=3).standing == "met"
    assert mixed.verify("8 Apr 2026").intact


def test_a_board_that_is_notified_once_the_day_is_fixed_learns_the_day(mixed: Team) -> None:
    mixed.record("4 Mar 2026", "commissioner_notified", body=OURS, issues="mixed")
    mixed.record("10 Mar 2026", "mediation_arranged", meeting_on="2026-04-20")
    mixed.record("11 Mar 2026", "commissioner_notified", body=THEIRS, issues="mixed")
    mixed.day("11 Mar 2026")
    assert [subject for _on, to, subject in sent(mixed) if to == NEIGHBOUR] == [
        "mediation to take part in, on 20 April 2026"
    ]


def test_that_nobody_has_recorded_yet_that_it_was_held_makes_no_board_late(mixed: Team) -> None:
    mixed.record("4 Mar 2026", "commissioner_notified", body=OURS, issues="mixed")
    mixed.record("10 Mar 2026", "mediation_arranged", meeting_on="2026-03-26")
    assert mixed.duty("30 Mar 2026", "rcb_take_part_mediation").standing == "no_date"
    mixed.record("30 Mar 2026", "mediation_concluded", "26 Mar 2026")
    assert mixed.duty("30 Mar 2026", "rcb_take_part_mediation").standing == "met"


def test_everyone_invited_is_informed_that_mediation_is_no_longer_wanted(mixed: Team) -> None:
    mixed.record("4 Mar 2026", "commissioner_notified", body=THEIRS, issues="mixed")
    mixed.day("4 Mar 2026")
    mixed.record("9 Mar 2026", "mediation_declined")
    mixed.day("9 Mar 2026")
    assert sent(mixed, "2026-03-09") == [
        ("2026-03-09", NEIGHBOUR, "taking part in mediation no longer needed since 9 March 2026")
    ]


def test_the_authority_has_informed_the_boards_once_the_last_of_them_is_informed(mixed: Team) -> None:
    """The parent wants mediation on Monday 2 March. The authority must inform every board by Thursday 5 March
    (reg 35(2)), and informs the second board on 10 March.
    """
    rule = "la_notify_rcb_mediation"
    mixed.record("4 Mar 2026", "commissioner_notified", body=OURS, issues="mixed")
    assert mixed.duty("4 Mar 2026", rule).standing == "met"
    mixed.record("10 Mar 2026", "commissioner_notified", body=THEIRS, issues="mixed")
    duty_then = mixed.duty("10 Mar 2026", rule)
    assert (duty_then.standing, str(duty_then.met_on)) == ("met_late", "2026-03-10")
    mixed.record("12 Mar 2026", "commissioner_notified", body=OURS, issues="mixed")
    assert str(mixed.duty("12 Mar 2026", rule).met_on) == "2026-03-10", "a board's second notification does not count"
    assert mixed.verify("12 Mar 2026").intact
