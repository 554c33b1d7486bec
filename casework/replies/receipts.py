"""The receipt of an answer: a notice to the mailbox that answered, queued with the facts of the answer."""

from casework.cases.loaded_case import LoadedCase
from casework.context import AppContext
from casework.replies.answers import Reply, possible_answers
from casework.replies.record import Asked, duty_asked_for
from casework.replies.words import consequence, said
from models.enums import Party
from models.facts import StoredFact
from notifications.letter_fields import CaseView
from notifications.notices import NoticeDraft, receipt_for


def receipt(
    context: AppContext, case: LoadedCase, asked: Asked, reply: Reply, fact: StoredFact, mailbox: str
) -> NoticeDraft | None:
    """The receipt of one answer; None where the fact has a letter of its own to that mailbox, such as thanks."""
    party = Party(asked.recipient) if asked.recipient is not None else Party.SERVICE
    letter = context.escalation_policy.letter.get(fact.kind)
    duty = duty_asked_for(case, asked)
    if duty is None or (letter is not None and party in letter.to):
        return None
    process = context.processes[case.file.process]
    possible = next((each for each in possible_answers(context, process, duty) if each.answer is reply.answer), None)
    does = consequence(context, possible, duty, reply) if possible is not None else ""
    view = CaseView(
        context.escalation_policy, context.directory, context.calendar, case.file, case.duties, context.team_roles
    )
    recorded = {"said": said(context, reply), "does": does, "on": context.today().isoformat()}
    return receipt_for(view, fact, duty, party, mailbox, recorded)
