"""Every field of every fact of every process: names, clinical words and amounts are found nowhere that leaves.

It finds the processes and their fields by walking them, so that a new process is searched without a line here.
"""

import os
import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import cycle

import pytest

from casework.access.accounts import change_role
from casework.cases.fact_form import Refused
from casework.cases.record import record
from casework.delivery.calendar import calendar
from casework.delivery.daily_digest import digest
from casework.reports.recordable import fields_of
from casework.reports.registers.all import registers
from flows.jobs import Job, JobExecution
from flows.run_labels import parameters, tags_at_the_start
from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD
from models.database import writing
from models.facts import FactDraft
from models.fields import in_pounds
from statemachines.process import Process
from statemachines.registry import processes
from tests.support.any_fact import FIRST, data_of
from tests.support.calling import sendflow
from tests.support.canaries import CANARIES, CLINICAL, NAMES, Done, search_home, search_outputs
from tests.support.team import Team, reference_for
from tests.web.api.conftest import program_of, token_for
from tests.web.conftest import browser_of
from web.installation import Installation

TODAY = FIRST + timedelta(days=120)
# An amount that no other number of the installation is: it is in facts, and in nothing that leaves.
AMOUNT = 7_654_321
SAID = " said so"
MAILBOX = "tamsin.oakhollow@post.example"  # only the message to it may have it
# This list is for its words: an answer that the team uses again, about no child.
SHOWS_WORDS = "reusable_answers"
AMOUNTS = (str(AMOUNT), in_pounds(AMOUNT).removeprefix("£"))


def facts_of(process: Process, at: random.Random) -> Iterator[FactDraft]:
    """Each fact of a process, the opening one until it is accepted, the others in any order.

    Each confidential field has a canary, and each amount is the one that is searched for.
    """
    turn = cycle((*NAMES, *CLINICAL))
    ending = ENGINE_ONLY | CORRECTIONS | OF_THE_CHILD | {"case_closed", "case_withdrawn"}
    kinds = [kind for kind in sorted(process.facts) if kind not in ending]
    times = 4 if "EXAMPLES" in os.environ else 2  # make fuzz sets it
    rounds = [kind for _ in range(times) for kind in at.sample(kinds, len(kinds))]
    for number, kind in enumerate([*[process.opens] * 20, *rounds]):
        on = FIRST + timedelta(days=max(0, number - 20) // 3)
        data = data_of(process, kind, at, on, stored=False)
        model = process.facts[kind].model
        for form in fields_of(model):
            if form.encrypted and form.name.endswith("_mailbox"):
                data[form.name] = MAILBOX
            elif form.encrypted:
                data[form.name] = f"{next(turn)}{SAID}"
            elif form.kind == "money":
                data[form.name] = AMOUNT
            elif form.kind in ("case", "fact"):
                data.pop(form.name, None)
        yield FactDraft(kind, on, data)


def typed_into_words(process: Process, at: random.Random) -> Iterator[tuple[FactDraft, str]]:
    """Each field that takes a word, with a name typed into it: it is refused, and the refusal does not repeat it."""
    for kind in sorted(process.facts.keys() - ENGINE_ONLY - CORRECTIONS):
        data = data_of(process, kind, at, FIRST, stored=False)
        for form in fields_of(process.facts[kind].model):
            if form.kind in ("words", "list", "fact", "case") and not (form.encrypted or form.hidden):
                yield FactDraft(kind, FIRST, {**data, form.name: NAMES[0]}), form.name


@pytest.mark.each_process
@pytest.mark.parametrize("name", processes())
def test_no_canary_of_a_field_leaves(team: Team, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process, at = processes()[name], random.Random(name)
    team.case = reference_for(process)
    context = team.context(TODAY)
    stored: set[str] = set()
    for draft in facts_of(process, at):
        execution = JobExecution(
            Job.RECORD, context, {"case": team.case, "drafts": [draft], "actor": "dco.team", "via": "page"}
        )
        shown = f"{parameters(execution)} {tags_at_the_start(execution)}"
        assert not any(canary in shown for canary in (*CANARIES, *AMOUNTS)), "Prefect shows it"
        try:
            record(context, team.case, [draft], "dco.team", confirmed=True)
            stored |= {f"{draft.kind}.{key}" for key, value in draft.data.items() if str(value).endswith(SAID)}
        except Refused as refused:
            assert not any(canary in refused.message for canary in CANARIES)
    confidential = {
        f"{kind}.{field}"
        for kind, fact in process.facts.items()
        if kind not in ENGINE_ONLY | CORRECTIONS
        for field in fact.model.FREE_TEXT_FIELDS
    }
    assert len(stored) > len(confidential) / 3, f"not stored: {sorted(confidential - stored)}"
    for draft, field in typed_into_words(process, at):
        with pytest.raises(Refused) as refusal:
            record(context, team.case, [draft], "dco.team", confirmed=True)
        assert not any(canary in refusal.value.message for canary in CANARIES), field
    for day in (TODAY, TODAY + timedelta(days=40)):
        team.day(day.isoformat())
        digest(team.context(day))
    monkeypatch.setenv("SENDFLOW_HOME", str(team.home))
    monkeypatch.setenv("SENDFLOW_TODAY", (TODAY + timedelta(days=40)).isoformat())
    words = (("case", team.case), ("case", team.case, "--json"), ("record", team.case), ("letters", "--json"))
    outputs = [
        _run(*each) for each in (*words, ("overdue", "--json"), ("due-soon",), ("ladder", team.case), ("verify",))
    ]
    later = team.context(TODAY + timedelta(days=40))
    outputs += [_run("register", each, "--json") for each in registers(later) if each != SHOWS_WORDS]
    outputs += shown_by_pages_and_programs(team, process)
    search_outputs(outputs)
    assert search_home(team.home) > 1
    assert not any(MAILBOX in each.stdout + each.stderr for each in outputs)
    assert not any(MAILBOX.encode() in path.read_bytes() for path in team.home.rglob("*") if path.is_file())
    assert not any(MAILBOX in letter.subject + letter.text for letter in team.post.letters)
    left = [f"{letter.subject}\n{letter.text}" for letter in team.post.letters]
    assert not any(amount in text for text in left for amount in AMOUNTS), "an amount is in a letter"
    outside = [path for path in team.home.rglob("*") if path.is_file() and not path.name.startswith("sendflow.db")]
    assert not any(amount.encode() in path.read_bytes() for path in outside for amount in AMOUNTS)


def shown_by_pages_and_programs(team: Team, process: Process) -> list[Done]:
    """The pages of the case and of every list, lists as files, the calendar, and what a program of the team reads."""
    context = team.context(TODAY + timedelta(days=40))
    with writing(context.engine) as connection:
        change_role(connection, "dco.team", "dco", process.name if process.restricted else "", "dco.team")
    installation = Installation(context.settings, context)
    browser = browser_of(installation).sign_in("dco.team")
    program = program_of(installation, token_for(context, "a.program"))
    case = f"/cases/{team.case}"
    lists = [f"/registers/{name}" for name in registers(context) if name != SHOWS_WORDS]
    pages = [case, f"{case}/record", f"{case}/ladder", "/", "/cases?show=all", "/lists/late", "/lists/soon", "/letters"]
    pages += [*lists, *(f"{each}?format=csv" for each in lists), "/cases?show=all&format=csv"]
    answers = {page: browser.get(page) for page in pages}
    assert answers[case].status_code == 200, "its own page is searched"
    reads = {path: program.read(path) for path in (case, "/cases?show=all", "/duties?show=open", f"{case}/recordable")}
    said = {name: answer.text for name, answer in (answers | reads).items()}
    said["calendar"] = calendar(context, "team").decode()
    return [Done(("shown", name), 0, text, "") for name, text in said.items()]


def _run(*words: str) -> Done:
    done = sendflow(*words)
    return Done(words, done.exit_code, done.stdout, done.stderr)


def test_every_process_with_an_amount_is_searched_for_it() -> None:
    with_money = {
        name
        for name, process in processes().items()
        for fact in process.facts.values()
        for form in fields_of(fact.model)
        if form.kind == "money"
    }
    assert "package" in with_money
    assert isinstance(TODAY, date)
