"""Whether the entries of a directory agree with each other: codes, successors, days, services, mailboxes, people. Pure.

Each check raises ValueError, which says what was expected; config/directory.py names the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from config.directory_entries import Authority, Called, Icb, Person, Provider, Provides, TeamRole


def check_bodies(icb: Icb, bodies: Sequence[Provider]) -> None:
    """Each code names one body, and each successor is another body of the file."""
    codes = [icb.body, *(each.body for each in bodies)]
    for code in codes:
        if codes.count(code) > 1:
            raise ValueError(
                f"body {code} is in the file twice: an organisation code names one body, for example QX101"
            )
    successors = {each.body: each.successor for each in bodies if each.successor}
    for code, successor in successors.items():
        if successor not in codes:
            raise ValueError(
                f"body {code} has the successor {successor}, which is no body of this file: add it as a [[body]]"
            )
        if code in _chain(successors, successor):
            raise ValueError(f"body {code} is its own successor, by way of {successor}: expected a later body")
    _days_of_succession(bodies)


def check_services(
    icb: Icb, bodies: Sequence[Provider], las: Mapping[str, Authority], services: Mapping[str, Called]
) -> None:
    """Each service and authority is one of the file, and one body gives a service for an authority on a day."""
    codes = {icb.body, *(each.body for each in bodies)}
    answered: dict[tuple[str, str], list[tuple[Provider, Provides]]] = {}
    for provider in bodies:
        for given in provider.provides:
            if given.service not in services:
                raise ValueError(f"body {provider.body} provides {given.service}, which is no [service.…] of this file")
            if given.successor is not None and given.successor not in codes:
                raise ValueError(
                    f"{given.service} of body {provider.body} has the successor {given.successor}, which is no body"
                    " of this file: add it as a [[body]]"
                )
            for la in given.la:
                if la not in las:
                    raise ValueError(
                        f"body {provider.body} provides {given.service} for {la}, which is no [la.…] of this file"
                    )
                _once_a_day(answered.setdefault((la, given.service), []), (provider, given), la)


def _once_a_day(others: list[tuple[Provider, Provides]], offer: tuple[Provider, Provides], la: str) -> None:
    provider, given = offer
    other = next((each[0] for each in others if _meet(each, offer)), None)
    if other is not None or list(given.la).count(la) > 1:
        raise ValueError(
            f"{given.service} for {la} is mapped twice (body {(other or provider).body} and body"
            f" {provider.body}): one body answers for it on a day. Give the one that ends a last_day, and the other a"
            " later first_day"
        )
    others.append(offer)


def check_own_mailboxes(
    icb: Icb,
    bodies: Sequence[Provider],
    las: Mapping[str, Authority],
    team: Mapping[str, TeamRole],
    people: Sequence[Person],
) -> None:
    """A role of our team, and who has it, has no mailbox of anybody else."""
    others = [("the board", icb.mailboxes), *((f"body {each.body}", each.mailboxes) for each in bodies)]
    others += [(f"la.{la}", frozenset({each.mailbox})) for la, each in las.items() if each.mailbox]
    for role, each in team.items():
        whose = next((name for name, listed in others if each.mailbox in listed), None)
        if each.mailbox is not None and whose is not None:
            raise ValueError(
                f"team.{role} has the mailbox of {whose}: expected one of its own, or none, and then letters about"
                " its duties go to the team"
            )
    for person in people:
        whose = next((name for name, listed in others if person.mailboxes & listed), None)
        if person.role.startswith("team.") and whose is not None:
            raise ValueError(f"a person of {person.role} or a deputy has the mailbox of {whose}: expected another")


def check_people(people: Sequence[Person], roles: Mapping[str, str]) -> None:
    """Each person has a role of the file, and each role one person on a day."""
    seen: dict[str, list[Person]] = {}
    for person in people:
        if person.role not in roles:
            some = ", ".join(list(roles)[:3])
            raise ValueError(f"person.role: {person.role} is no role of this file: expected one such as {some}")
        for other in seen.setdefault(person.role, []):
            if _overlap(person, other):
                raise ValueError(f"{person.role} has two people on one day: give the first one a last_day")
        seen[person.role].append(person)


def _days_of_succession(bodies: Iterable[Provider]) -> None:
    """Refuse a successor that is not there on the day after the last day of the body that it succeeds."""
    by_code = {each.body: each for each in bodies}
    for each in by_code.values():
        after = by_code.get(each.successor or "")
        if after is None or each.last_day is None or each.last_day == date.max:
            continue
        day = each.last_day + timedelta(days=1)
        if not after.is_there(day):
            raise ValueError(
                f"body {each.body} ends on {each.last_day}, and its successor {after.body} does not exist on {day}:"
                " expected a successor that begins by that day and has not ended, or the right last_day"
            )


def _meet(one: tuple[Provider, Provides], other: tuple[Provider, Provides]) -> bool:
    """Whether two offers of a service are there on the same day."""
    first = max(each.first_day or date.min for each in (*one, *other))
    last = min(each.last_day or date.max for each in (*one, *other))
    return first <= last


def _overlap(one: Person, other: Person) -> bool:
    first = max(one.first_day or date.min, other.first_day or date.min)
    return first <= min(one.last_day or date.max, other.last_day or date.max)


def _chain(successors: Mapping[str, str], code: str | None) -> Iterator[str]:
    """A body and its successors, each once."""
    seen: set[str] = set()
    while code is not None and code not in seen:
        seen.add(code)
        yield code
        code = successors.get(code)


def written_key(text: str) -> str:
    """A name without case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", text.casefold().replace("&", "and"))


def ways_of_writing(entries: Mapping[str, Called], what: str) -> dict[str, str]:
    """Every way of writing an entry, to its slug; raises ValueError where two entries share one."""
    found: dict[str, str] = {}
    for slug, called in entries.items():
        for text in _ways(slug, called):
            other = found.setdefault(written_key(text), slug)
            if other != slug:
                raise ValueError(
                    f"[{what}.{slug}] and [{what}.{other}] share the name {text}: a name means one of them"
                )
    return found


def _ways(slug: str, called: Called) -> Iterable[str]:
    return (slug, called.name, *called.also)
