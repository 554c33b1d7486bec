"""Whether a fact about advice can be true after the facts before it, by hand: an answer has a question before it."""

from collections.abc import Sequence

from models.facts import StoredFact
from tests.support.hand_table import Possible

REQUEST = "health_advice_requested"
ANSWERS = ("health_advice_received", "health_advice_answered")
REOPENS = ("health_advice_returned", "health_advice_called_for_again")


def was_asked(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """The body was asked, for this service or for none by name."""
    return bool(_concerned(_asked(before, fact), fact))


def came_and_was_not_returned(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """The body was asked, and nothing of this service is awaited from it: what it gave can be returned."""
    awaited = set[str | None]()
    for each in before:
        service = each.data.get("service")
        if each.data.get("body") != fact.data["body"]:
            continue
        if each.kind == REQUEST or (each.kind in REOPENS and service in _asked(before, fact)):
            awaited.add(service)
        elif each.kind in ANSWERS:
            awaited = {other for other in awaited if service is not None and other not in (None, service)}
    return was_asked(before, fact) and not _concerned(awaited, fact)


def _asked(before: Sequence[StoredFact], fact: StoredFact) -> set[str | None]:
    return {
        each.data.get("service")
        for each in before
        if each.kind == REQUEST and each.data.get("body") == fact.data["body"]
    }


def _concerned(services: set[str | None], fact: StoredFact) -> set[str | None]:
    service = fact.data.get("service")
    return {each for each in services if service is None or each in (None, service)}


ABOUT_WHO_WAS_ASKED: dict[str, Possible] = {
    **dict.fromkeys(
        (*ANSWERS, "health_advice_acknowledged", "health_advice_request_repeated", "appointment_missed"), was_asked
    ),
    "waiting_list_stated": was_asked,
    "health_advice_returned": came_and_was_not_returned,
}
