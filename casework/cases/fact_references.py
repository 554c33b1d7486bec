"""A fact that names a fact of another case names one that exists. [I/O]"""

from collections.abc import Sequence

from sqlalchemy import select

from casework.cases.restricted_cases import refuse_naming
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from models.facts import FactDraft
from models.fields import facts_named, kinds_named
from models.tables import FACT
from statemachines.process import Process


def refuse_unknown_facts(unit: UnitOfWork, process: Process, drafts: Sequence[FactDraft]) -> None:
    """Refuse a draft whose field names a fact that no case has, or one of this unit that is not written yet."""
    for draft in drafts:
        if draft.kind not in process.naming_facts:
            continue
        model = process.facts[draft.kind].model
        for field, (ref, seq) in facts_named(model, draft.data).items():
            query = select(FACT.c.kind).where(FACT.c.case_ref == ref, FACT.c.seq == seq)
            kind = None if refuse_naming(unit, process, ref, field) else unit.connection.scalar(query)
            kinds = kinds_named(model, field)
            if kind is None or (kinds and kind not in kinds):
                what = "a fact that is not recorded" if kind is None else f"a fact that is not {' or '.join(kinds)}"
                raise Refused(
                    "no_such_fact",
                    f"{draft.kind}: {field} names {what}: expected a case and the number of its"
                    f" fact, for example --data {field}=NX00042/3. sendflow case shows the numbers",
                    field=field,
                    wrong_call=True,
                )
