"""The samples of an audit round, drawn again from the histories as they were known when each was drawn. [I/O]

Purpose: a round that chose its items cannot say that it drew them. With the histories, anybody draws it again.
"""

from typing import NamedTuple

from casework.cases.sampling import asked_of, members_of
from casework.context import AppContext
from casework.reports.histories import read_histories
from models.database import reading
from models.errors import Refusal
from models.facts import FactData, StoredFact
from models.sampling import digest_of, draw
from statemachines.registry import process_of
from statemachines.replay import facts_in_force


class SampleDrawnAgain(NamedTuple):
    """A sample that was recorded, and what the histories give for it now, as known at its instant.

    `same`: the frame has the same digest, and the same members are drawn in the same order.
    """

    seq: int
    seed: str
    recorded_at: str
    in_frame: int
    drawn: list[str]
    drawn_again: list[str]
    same: bool


def samples(context: AppContext, case_ref: str) -> list[SampleDrawnAgain]:
    """Each sample of a case, drawn again. Raises NoSuchCase, or Refusal for a case that has drawn none."""
    with reading(context.engine) as connection:
        (facts,) = read_histories(connection, case_ref)
    process, standing = process_of(facts), facts_in_force(facts)
    drawing = [fact for fact in standing if (model := process.model_of(fact.kind)) is not None and model.FROM_SAMPLE]
    if not drawing:
        raise Refusal(
            f"case {case_ref} has drawn no sample: expected a round of audits after its sample_drawn, for example"
            " PA00001",
            code="no_sample",
            exit_code=2,
        )
    subject = next((str(fact.data["subject"]) for fact in standing if "subject" in fact.data), "")
    return [
        _again(context, fact, model, subject)
        for fact in drawing
        for model in [process.model_of(fact.kind)]
        if model is not None
    ]


def _again(context: AppContext, fact: StoredFact, model: type[FactData], subject: str) -> SampleDrawnAgain:
    asked = asked_of(model.SAMPLED.get(subject, frozenset()), fact.data)
    assert asked is not None, "a recorded sample has its fields"
    with reading(context.engine) as connection:
        frame = members_of(context, connection, asked, fact.recorded_at).frame(asked.strata)
    recorded, drawn = list(fact.data.get("drawn", ())), draw(fact.data["seed"], frame, fact.data["size"])
    return SampleDrawnAgain(
        seq=fact.seq,
        seed=fact.data["seed"],
        recorded_at=fact.recorded_at,
        in_frame=fact.data["in_frame"],
        drawn=recorded,
        drawn_again=drawn,
        same=recorded == drawn and digest_of(frame) == fact.data["frame_sha256"],
    )
