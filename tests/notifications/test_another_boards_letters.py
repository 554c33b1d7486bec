"""The letters about another board's duties and about mediation that the authority arranges, read: golden texts, and
whose act each asks for.

    python -m tests.notifications.test_another_boards_letters

writes the golden texts again after a change of words: read what git shows.
"""

from typing import Any

import pytest

from notifications.render import render
from tests.notifications.test_tribunal_and_mediation_letters import LETTERS as EARLIER
from tests.notifications.test_tribunal_and_mediation_letters import owed
from tests.support.letter_samples import FOLDER, whole

ANSWER, ARRANGE, DO, TAKE = (
    "ftt_health_recommendation_respond",
    "rcb_arrange_mediation",
    "mediation_agreement_no_appeal_right",
    "rcb_take_part_mediation",
)
OTHER: dict[str, Any] = {"body": "Southern Marches Integrated Care Board", "ours": False}
FIXED = {"agreed_on": "2026-03-26"}
BY: dict[str, Any] = {"beside": {"la_arrange_mediation_health_mixed": {"due": "2026-04-01"}}}

# The letters of which decision 125 made a second version; later versions are in test_newer_letters.py.
SECOND = {"mediation_agreed", "mediation_to_arrange", "mediation_withdrawn", "recommendation_owed"}

LETTERS: dict[str, tuple[dict[str, Any], str]] = {
    "recommendation_of_another_board": (
        owed("recommendation_owed", ANSWER, "2026-04-20", "service", **OTHER),
        "2026-05-11",
    ),
    "recommendation_of_another_board_overdue_to_us": (
        owed("recommendation_owed", ANSWER, "2026-04-20", **OTHER),
        "2026-05-26",
    ),
    "recommendation_of_another_board_to_our_executive": (
        owed("recommendation_owed", ANSWER, "2026-04-20", "icb_executive_lead", **OTHER),
        "2026-05-27",
    ),
    "mediation_of_another_board_overdue_to_us": (
        owed("mediation_to_arrange", ARRANGE, "2026-03-23", **OTHER),
        "2026-04-27",
    ),
    "mediation_of_another_board_to_our_executive": (
        owed("mediation_agreed", DO, "2026-05-06", "icb_executive_lead", **OTHER),
        "2026-05-26",
    ),
    "mediation_to_attend_without_a_day": (
        owed("mediation_to_attend", TAKE, "2026-03-04", "service", ours=True, **BY),
        "2026-03-04",
    ),
    "mediation_to_attend_on_a_day": (
        owed("mediation_to_attend", TAKE, "2026-03-04", "service", FIXED, ours=True, **BY),
        "2026-03-10",
    ),
    "mediation_withdrawn_for_another_day": (
        owed(
            "mediation_withdrawn",
            TAKE,
            "2026-03-04",
            "service",
            {"agreed_on": "2026-03-31"},
            ours=True,
            due_was="2026-03-26",
            due_now="2026-03-31",
            told_on="2026-03-19",
            elsewhere=False,
        ),
        "2026-03-20",
    ),
}


def golden(name: str) -> str:
    fields, on = LETTERS[name]
    made = render(fields["letter"], 2, whole(fields, on))
    return f"Subject: {made.subject}\n\n{made.text}"


@pytest.mark.parametrize("name", LETTERS)
def test_the_letter_reads_as_reviewed(name: str) -> None:
    assert golden(name) == (FOLDER / f"{name}.txt").read_text("utf-8")
    assert [
        line for line in golden(name).split("\n\n", 1)[1].splitlines() if len(line) > 76 and "https://" not in line
    ] == []


@pytest.mark.parametrize("name", EARLIER)
def test_of_our_own_boards_duties_the_second_version_says_what_the_first_did(name: str) -> None:
    fields, on = EARLIER[name]
    fields_now = whole({**fields, "ours": True}, on)
    second = 2 if fields["letter"] in SECOND else 1
    assert render(fields["letter"], second, fields_now) == render(fields["letter"], 1, fields_now)


@pytest.mark.parametrize("name", [name for name in LETTERS if name.endswith(("to_us", "executive"))])
def test_we_are_never_asked_to_do_another_boards_duty(name: str) -> None:
    act = golden(name).partition("\n> ")[2].partition("\n\n")[0]
    assert act.startswith("Please ask ") and "Southern Marches" in act


if __name__ == "__main__":
    for each in LETTERS:
        (FOLDER / f"{each}.txt").write_text(golden(each), "utf-8")
