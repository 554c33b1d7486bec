"""SpiffWorkflow: a case is a BPMN process of one manual task a fact. It has no records of its own; its guide saves a
workflow as JSON, and so is done here.

One row a case holds the whole workflow, its specification in it, as `serialize_json` writes it: loaded, stepped and
saved again for each fact.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from itertools import pairwise
from typing import Any

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.util.task import TaskState

from benchmarks.peers.work import Acts, Fact, Run, Work, driver, imported, serve, timed

SERIALIZER = BpmnWorkflowSerializer()
PAST, FUTURE = "2020-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"
TIMER = (
    "<intermediateCatchEvent"
    ' id="due"><timerEventDefinition><timeDate>when</timeDate></timerEventDefinition></intermediateCatchEvent>'
)


class Shelf:
    """A table of workflows: their JSON by reference."""

    def __init__(self, work: Work) -> None:
        self.connection = driver(work, "spiff.db")
        self.mark = "?" if work.url is None else "%s"
        self._upsert = (
            f"INSERT INTO workflow VALUES ({self.mark}, {self.mark}) ON CONFLICT (ref) DO UPDATE SET state ="
            " excluded.state"
        )

    def cleared(self) -> None:
        """Empty, as at first."""
        self.connection.execute("DROP TABLE IF EXISTS workflow")
        self.connection.execute("CREATE TABLE workflow (ref text PRIMARY KEY, state text NOT NULL)")

    def load(self, ref: str) -> Any:
        """One workflow, restored."""
        return SERIALIZER.deserialize_json(
            self.connection.execute(f"SELECT state FROM workflow WHERE ref = {self.mark}", (ref,)).fetchone()[0]
        )

    def all(self) -> list[tuple[str, str]]:
        """Every workflow's JSON."""
        return list(self.connection.execute("SELECT ref, state FROM workflow ORDER BY ref").fetchall())

    def save_one(self, ref: str, workflow: Any) -> None:
        """One workflow, in one statement, which commits by itself."""
        self.connection.execute(self._upsert, (ref, SERIALIZER.serialize_json(workflow)))

    def save(self, workflows: Iterable[tuple[str, Any]]) -> None:
        """Some workflows, in one transaction."""
        self.write([(ref, SERIALIZER.serialize_json(workflow)) for ref, workflow in workflows])

    def write(self, rows: list[tuple[str, str]]) -> None:
        """The same, serialised already."""
        cursor = self.connection.cursor()
        cursor.execute("BEGIN")
        cursor.executemany(self._upsert, rows)
        cursor.execute("COMMIT")


@cache
def specification(steps: tuple[str, ...]) -> Any:
    """A process of these elements, one after another."""
    ids = ["start", *(step.split('"')[1] for step in steps), "end"]
    flows = "".join(
        f'<sequenceFlow id="flow{number}" sourceRef="{one}" targetRef="{other}"/>'
        for number, (one, other) in enumerate(pairwise(ids))
    )
    process = (
        f'<process id="case" isExecutable="true"><startEvent id="start"/>{"".join(steps)}<endEvent'
        f' id="end"/>{flows}</process>'
    )
    parser = BpmnParser()
    parser.add_bpmn_io(
        io.BytesIO(
            f'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="all">'
            f"{process}</definitions>".encode()
        )
    )
    return parser.get_spec("case")


def begun(facts: int) -> Any:
    """A case that is about to have so many facts."""
    workflow = BpmnWorkflow(specification(tuple(f'<manualTask id="fact{number}"/>' for number in range(1, facts + 1))))
    workflow.do_engine_steps()
    return workflow


def step(work: Work, workflow: Any, fact: Fact) -> None:
    """One fact: the task that is ready is given it and run."""
    (task,) = workflow.get_tasks(state=TaskState.READY, manual=True)
    task.data["state"] = work.moved(task.data.get("state"), fact)
    task.data["fact"] = fact
    task.run()
    workflow.do_engine_steps()


def checked(work: Work, ref: str, workflow: Any, facts: int) -> None:
    """That every fact is there, and the case where it should be."""
    done = workflow.get_tasks(state=TaskState.COMPLETED, manual=True)
    assert workflow.is_completed() and len(done) == facts and done[-1].data["state"] == work.ends[ref]


def due(workflow: Any) -> bool:
    """Whether its time has come; it has then gone on to what it waited with."""
    workflow.refresh_waiting_tasks()
    workflow.do_engine_steps()
    return bool(workflow.get_tasks(state=TaskState.READY, manual=True))


def recorded(work: Work, shelf: Shelf) -> None:
    """Each fact by itself: load, step, save."""
    for ref, facts in work.cases:
        workflow = begun(len(facts))
        for number, fact in enumerate(facts):
            if number:
                workflow = shelf.load(ref)
            step(work, workflow, fact)
            shelf.save_one(ref, workflow)


def stepped(work: Work) -> Iterator[tuple[str, Any]]:
    """Every case with all its facts, in memory."""
    for ref, facts in work.cases:
        workflow = begun(len(facts))
        for fact in facts:
            step(work, workflow, fact)
        yield ref, workflow


def all_there(work: Work, shelf: Shelf) -> None:
    """That the table holds every case with every fact."""
    facts = dict(work.cases)
    stored = shelf.all()
    assert {ref for ref, _state in stored} == facts.keys()
    for ref, state in stored:
        checked(work, ref, SERIALIZER.deserialize_json(state), len(facts[ref]))


@contextmanager
def _on_fresh_shelf(work: Work, amount: int, act: Callable[[Shelf], None]) -> Iterator[Run]:
    """The act on an empty shelf, each time; afterwards everything is there."""
    shelf = Shelf(work)

    def run() -> float:
        shelf.cleared()
        with timed() as watch:
            act(shelf)
        all_there(work, shelf)
        return watch.seconds

    yield Run(amount, run)
    shelf.connection.close()


def one_fact(work: Work) -> AbstractContextManager[Run]:
    """Load, step and save, a commit for each fact."""
    return _on_fresh_shelf(work, work.facts, lambda shelf: recorded(work, shelf))


def in_bulk(work: Work) -> AbstractContextManager[Run]:
    """Every case stepped in memory and saved once, all in one transaction."""
    return _on_fresh_shelf(work, work.facts, lambda shelf: shelf.save(stepped(work)))


def import_file(work: Work) -> AbstractContextManager[Run]:
    """The tracker read, then load, step and save for each fact of each row."""

    def act(shelf: Shelf) -> None:
        imported(work)
        recorded(work, shelf)

    return _on_fresh_shelf(work, len(work.cases), act)


@contextmanager
def sweep(work: Work) -> Iterator[Run]:
    """Every waiting workflow is loaded to learn whether its timer is due: there is no index of what is. The due ones
    are saved, in one transaction.
    """
    shelf = Shelf(work)
    workflow = BpmnWorkflow(specification((TIMER, '<manualTask id="told"/>')))
    workflow.get_tasks(spec_name="start")[0].data["when"] = FUTURE
    workflow.do_engine_steps()
    workflow.refresh_waiting_tasks()
    later = SERIALIZER.serialize_json(workflow)
    now = later.replace(FUTURE, PAST)  # as if it had been saved before its time came
    assert now != later and not due(SERIALIZER.deserialize_json(later))

    def run() -> float:
        shelf.cleared()
        shelf.write(
            [(f"W{number:06d}", later) for number in range(work.waiting)]
            + [(f"D{number:06d}", now) for number in range(work.due)]
        )
        with timed() as watch:
            loaded = ((ref, SERIALIZER.deserialize_json(state)) for ref, state in shelf.all())
            fired = [(ref, workflow) for ref, workflow in loaded if due(workflow)]
            shelf.save(fired)
        assert [ref[0] for ref, _workflow in fired] == ["D"] * work.due
        return watch.seconds

    yield Run(work.due, run)
    shelf.connection.close()


@contextmanager
def replay_case(work: Work) -> Iterator[Run]:
    """Each case restored: a snapshot is read, nothing is replayed and nothing checked."""
    shelf = Shelf(work)
    shelf.cleared()
    shelf.save(stepped(work))

    def run() -> float:
        with timed() as watch:
            all_there(work, shelf)
        return watch.seconds

    yield Run(work.facts, run)
    shelf.connection.close()


@contextmanager
def page(work: Work) -> Iterator[Run]:
    """Each case loaded and its tasks listed with their data."""
    shelf = Shelf(work)
    shelf.cleared()
    shelf.save(stepped(work))

    def run() -> float:
        with timed() as watch:
            for ref, facts in work.cases:
                listed = [
                    (task.task_spec.name, task.last_state_change, task.data["fact"])
                    for task in shelf.load(ref).get_tasks(manual=True)
                ]
                assert [fact for _name, _moment, fact in listed] == facts
        return watch.seconds

    yield Run(len(work.cases), run)
    shelf.connection.close()


ACTS: Acts = {
    "record in bulk": in_bulk,
    "record one fact": one_fact,
    "sweep": sweep,
    "refold": replay_case,
    "import": import_file,
    "one case page": page,
}

if __name__ == "__main__":
    serve(ACTS)
