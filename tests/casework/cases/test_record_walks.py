"""Walks of facts that nobody thought of, lawful and not: what is refused changes nothing, what is accepted replays the
same for ever.
"""

from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.cases.validation import Refused
from deadlines.duties import duties_of
from models.common_facts import ENGINE_ONLY
from models.facts import StoredFact
from statemachines.process import NotPermitted
from statemachines.registry import processes
from statemachines.replay import replay
from tests.support.by_hand import CASE, PAEDS, PROCESS, SALT, TRUST, book, dates_of, line
from tests.support.examples import examples
from tests.support.team import Team

PROCESS_FACTS = sorted(processes()[PROCESS].facts.keys() - ENGINE_ONLY)
FIRST = date(2026, 2, 2)
ABOUT = st.fixed_dictionaries({"body": st.just(TRUST), "service": st.sampled_from([SALT, PAEDS])})
DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "ehc_assessment_requested": st.just({"la": "northshire"}),
    "health_advice_answered": ABOUT.map(lambda about: {**about, "answer": "not_known"}),
    "health_advice_returned": ABOUT.map(lambda about: {**about, "reason": "no provision named"}),
    "chasing_paused": st.just({"until": "2026-04-20", "reason": "asked"}),
    "excuse_claimed": ABOUT.map(lambda about: {**about, "ground": "absent_4_weeks"}),
    "excuse_decided": st.fixed_dictionaries(
        {
            "claim": st.integers(1, 12),
            "decision": st.sampled_from(["accepted", "refused"]),
            "look_again_on": st.just("2026-06-01"),
        }
    ),
    "fact_corrected": st.fixed_dictionaries({"corrects": st.integers(1, 12), "days": st.integers(0, 90)}),
    "fact_withdrawn": st.fixed_dictionaries({"corrects": st.integers(1, 12)}),
}
BY_BODY = {
    "health_advice_requested",
    "health_advice_acknowledged",
    "health_advice_received",
    "appointment_missed",
    "waiting_list_stated",
}


@st.composite
def wanted(draw: st.DrawFn) -> tuple[str, int, dict[str, Any]]:
    """A fact that somebody wants recorded: kind, days after the request, particulars. Lawful or not."""
    kind = draw(st.sampled_from(PROCESS_FACTS))
    data = draw(DATA.get(kind, ABOUT if kind in BY_BODY else st.just({})))
    return kind, draw(st.integers(0, 100)), data


# What usually happens first, so that walks get past the beginning.
LIKELY = st.sampled_from(
    [
        ("assessment_agreed", 18, {}),
        ("assessment_refused", 18, {}),
        ("health_advice_requested", 28, {"body": TRUST, "service": SALT}),
        ("health_advice_received", 70, {"body": TRUST, "service": SALT}),
        ("draft_plan_received", 80, {}),
        ("final_plan_received", 95, {}),
    ]
)


@settings(max_examples=examples(12), deadline=None)
@given(st.lists(st.one_of(wanted(), LIKELY), min_size=1, max_size=12), st.data())
def test_any_walk_of_facts_is_accepted_lawfully_or_refused_without_a_trace(
    walk: list[tuple[str, int, dict[str, Any]]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        team = Team(Path(folder) / "var")
        team.record(FIRST.isoformat(), "ehc_assessment_requested", la="northshire")
        for kind, days, fields in walk:
            offer(team, kind, days, fields)
        if data.draw(st.booleans()):
            team.sweep("2026-06-01")
        assert team.verify("2026-06-01").intact
        lines = team.lines()
        assert [each.seq for each in lines] == list(range(1, len(lines) + 1))
        once = replay(CASE, lines)
        duties = duties_of(once.lines, book(), dates_of(), once.claims.values())
        again = replay(CASE, lines)
        assert again == once
        assert duties_of(again.lines, book(), dates_of(), again.claims.values()) == duties
        shuffled = data.draw(st.permutations(lines))
        assert replay(CASE, shuffled) == once, "the fold does not lean on the order in which rows are read"
        team.first.engine.dispose()


def offer(team: Team, kind: str, days: int, fields: dict[str, Any]) -> None:
    on = FIRST + timedelta(days=days)
    corrects = fields.get("corrects")
    given_data = {key: value for key, value in fields.items() if key not in {"corrects", "days"}}
    if "days" in fields:
        given_data["occurred_on"] = (FIRST + timedelta(days=fields["days"])).isoformat()
        on = date(2026, 6, 1)
    before, facts = team.dump(), len(team.lines())
    try:
        recorded = team.record("2026-06-01", kind, on=on.isoformat(), corrects=corrects, **given_data)
    except Refused as refused:
        assert team.dump() == before, "what is refused changes nothing"
        assert refused.message
        if refused.code == "unlawful":
            assert refused.message.startswith(f"fact {refused.seq}, ")
            lawful_said = "Lawful then: " in refused.message or "Usual then: " in refused.message
            reasons = (
                "is no claim",
                "not asked",
                "is outstanding",
                "is dated before",
                "takes away the fact that opened",
                "that was received",
                "open already",
                "could be reversed",
                "no order is known",
                "only a plan that had ended goes on",
            )
            assert lawful_said or any(reason in refused.message for reason in reasons)
    else:
        lines = team.lines()
        assert recorded.seq == facts + 1
        assert all(each.caused_by for each in lines[recorded.seq :]), "only what a fact calls for follows"
        assert replay(CASE, lines).state == recorded.state


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(LIKELY, min_size=1, max_size=8, unique_by=lambda each: each[0]), st.data())
def test_facts_on_separate_days_replay_alike_in_every_order_of_recording(
    walk: list[tuple[str, int, dict[str, Any]]], data: st.DataObject
) -> None:
    """Each fact has a day of its own, so that the order of recording says nothing: state, duties and steps owed are the
    same.
    """

    def history(order: list[tuple[str, int, dict[str, Any]]]) -> list[StoredFact]:
        facts = [("ehc_assessment_requested", 0, {"la": "northshire"}), *order]
        return [
            line(seq, kind, (FIRST + timedelta(days=days)).isoformat(), **fields)
            for seq, (kind, days, fields) in enumerate(facts, 1)
        ]

    def outcome(lines: list[StoredFact]) -> Any:
        try:
            casefile = replay(CASE, lines)
        except NotPermitted as problem:
            return problem.kind
        duties = duties_of(casefile.lines, book(), dates_of(), casefile.claims.values())
        return casefile.state, sorted(
            (duty.rule, duty.started_on, duty.due or date.max, str(duty.met_on), str(duty.ended_on)) for duty in duties
        )

    by_day = sorted(walk, key=lambda each: each[1])
    days = [days for _kind, days, _fields in by_day]
    if len(set(days)) == len(days):
        assert outcome(history(data.draw(st.permutations(by_day)))) == outcome(history(by_day))


@settings(max_examples=examples(12), deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=6))
def test_one_act_or_many_the_case_is_the_same(cuts: list[int]) -> None:
    """The same lawful facts in one act and cut into several: same facts, same duties, same caches but for nothing."""
    facts: list[tuple[str, str, dict[str, Any]]] = [
        ("ehc_assessment_requested", "2026-02-02", {"la": "northshire"}),
        ("la_consideration_notified", "2026-02-09", {}),
        ("health_advice_requested", "2026-02-16", {"body": TRUST, "service": SALT}),
        ("assessment_agreed", "2026-02-20", {}),
        ("health_advice_acknowledged", "2026-02-23", {"body": TRUST, "service": SALT}),
        ("health_advice_received", "2026-03-30", {"body": TRUST, "service": SALT}),
        ("draft_plan_received", "2026-05-11", {}),
        ("section_g_agreed", "2026-05-18", {}),
        ("final_plan_received", "2026-06-01", {}),
    ]

    def texts(team: Team) -> list[Any]:
        return [row for row in team.dump(with_macs=False) if row[0] in {"fact", "case_file", "duty"}]

    with TemporaryDirectory() as folder:
        whole, parts = Team(Path(folder) / "whole"), Team(Path(folder) / "parts")
        whole.act("2026-06-01", *facts)
        rest = list(facts)
        for cut in [*cuts, len(facts)]:
            if rest:
                parts.act("2026-06-01", *rest[:cut])
                rest = rest[cut:]
        assert texts(whole) == texts(parts)
        whole.first.engine.dispose()
        parts.first.engine.dispose()
