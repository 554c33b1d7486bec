"""Reads the directory: which body provides a service in a local authority, and the mailbox of each.

Purpose: SEND Regs 2014 reg 6(1)(c) has the authority seek health advice through the commissioner's providers; who they
are is a locality's choice, so it is data. It decides no duty and no date. An address that the directory does not have
is None, which the letters record as "no address": it is never guessed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from config.directory_entries import BOARD, Authority, Body, Called, Icb, Provider, RoleOwed, StrictEntry, TeamRole
from config.letter_times import LetterTimes, check_transports, times_by_mailbox
from config.toml_reader import ConfigFault, first_fault, named, read_text, refuse_added, tables_of
from models.enums import Party
from models.facts import Slug

DEFAULT = Path(__file__).with_name("directory.toml")
# What may stand around an authority's name, once blanks and punctuation are gone.
COUNCIL = re.compile(r"^(?:the)?(.*?)(?:county|city|metropolitan|borough|district|unitary)*(?:council|cc|mbc|dc|la)?$")


class DirectoryError(ConfigFault):
    """The directory cannot be used; the text names the entry, says what was expected and gives an example."""

    default_code = "directory"


class Directory(StrictEntry):
    """The whole directory. A name is found without regard to case, blanks and punctuation, and never by similarity."""

    icb: Icb
    la: Annotated[Mapping[Slug, Authority], Field(min_length=1)]
    service: Annotated[Mapping[Slug, Called], Field(min_length=1)]
    team: Mapping[Slug, TeamRole] = {}
    body_: Annotated[tuple[Provider, ...], Field(alias="body", min_length=1)]
    digest: str
    text: str = Field(default="", exclude=True, repr=False)

    @model_validator(mode="after")
    def _consistent(self) -> Directory:
        codes = [self.icb.body, *(each.body for each in self.body_)]
        for code in codes:
            if codes.count(code) > 1:
                raise ValueError(
                    f"body {code} is in the file twice: an organisation code names one body, for example QX101"
                )
        successors = {each.body: each.successor for each in self.body_ if each.successor}
        for code, successor in successors.items():
            if successor not in codes:
                raise ValueError(
                    f"body {code} has the successor {successor}, which is no body of this file: add it as a [[body]]"
                )
            if code in _chain(successors, successor):
                raise ValueError(f"body {code} is its own successor, by way of {successor}: expected a later body")
        _days_of_succession(self.body_)
        answered: dict[tuple[str, str], list[Provider]] = {}
        for provider in self.body_:
            for given in provider.provides:
                if given.service not in self.service:
                    raise ValueError(
                        f"body {provider.body} provides {given.service}, which is no [service.…] of this file"
                    )
                for la in given.la:
                    if la not in self.la:
                        raise ValueError(
                            f"body {provider.body} provides {given.service} for {la}, which is no [la.…] of this file"
                        )
                    others = answered.setdefault((la, given.service), [])
                    other = next((each for each in others if each is provider or _meet(each, provider)), None)
                    if other is not None or list(given.la).count(la) > 1:
                        raise ValueError(
                            f"{given.service} for {la} is mapped twice (body {(other or provider).body} and body"
                            f" {provider.body}): one body answers for it on a day"
                        )
                    others.append(provider)
        _names(self.la, "la")
        _names(self.service, "service")
        return self

    @model_validator(mode="after")
    def _own_mailboxes_of_roles(self) -> Directory:
        others = [("the board", self.icb.mailboxes), *((f"body {each.body}", each.mailboxes) for each in self.body_)]
        others += [(f"la.{la}", frozenset({each.mailbox})) for la, each in self.la.items() if each.mailbox]
        for role, each in self.team.items():
            whose = next((name for name, listed in others if each.mailbox in listed), None)
            if each.mailbox is not None and whose is not None:
                raise ValueError(
                    f"team.{role} has the mailbox of {whose}: expected one of its own, or none, and then letters about"
                    " its duties go to the team"
                )
        return self

    @model_validator(mode="after")
    def _one_transport_a_mailbox(self) -> Directory:
        check_transports(self._letter_times)
        return self

    @cached_property
    def _letter_times(self) -> dict[str, list[LetterTimes]]:
        bodies = ((each.mailboxes, each.letters) for each in self.body_)
        return times_by_mailbox([(self.icb.mailboxes, self.icb.letters), *bodies])

    def times_of_body(self, code: str) -> LetterTimes | None:
        """When, and by which transport, a body gets its letters; None for an unknown body."""
        return next((each.letters for each in self.body_ if each.body == code), None)

    def letter_times(self, mailbox: str) -> list[LetterTimes]:
        """When, and by which transport, the bodies of a mailbox get their letters; empty for an unknown mailbox."""
        return self._letter_times.get(mailbox, [])

    @cached_property
    def body_names(self) -> Mapping[str, str]:
        """The name of each body, by its code."""
        return {each.body: each.name for each in self.bodies}

    @cached_property
    def bodies(self) -> tuple[Body, ...]:
        """Every body in code order, the integrated care board among them."""
        shown = [
            Body(
                body=each.body,
                name=each.name,
                role=each.role if each.provides else BOARD,
                services=tuple(sorted({given.service for given in each.provides})),
                first_day=each.first_day,
                last_day=each.last_day,
                successor=each.successor,
            )
            for each in self.body_
        ]
        shown.append(Body(body=self.icb.body, name=self.icb.name, role=BOARD, services=()))
        return tuple(sorted(shown, key=lambda each: each.body))

    @cached_property
    def _by_code(self) -> dict[str, Body]:
        return {each.body: each for each in self.bodies}

    @cached_property
    def _providers(self) -> dict[tuple[str, str], list[Provider]]:
        found: dict[tuple[str, str], list[Provider]] = {}
        for each in self.body_:
            for given in each.provides:
                for la in given.la:
                    found.setdefault((la, given.service), []).append(each)
        return found

    @cached_property
    def _providers_by_code(self) -> dict[str, Provider]:
        return {each.body: each for each in self.body_}

    @cached_property
    def _mailboxes(self) -> dict[tuple[str | None, str, str | None, Party], str | None]:
        """The mailboxes found so far: an installation has few mailboxes and many notices."""
        return {}

    @cached_property
    def _las(self) -> dict[str, str]:
        return _names(self.la, "la")

    @cached_property
    def _services(self) -> dict[str, str]:
        return _names(self.service, "service")

    @cached_property
    def _bodies_by_name(self) -> dict[str, str]:
        return {key: each.body for each in self.bodies for key in (_key(each.name), _key(each.body))}

    def body(self, code: str) -> Body:
        """The body with this code; raises DirectoryError where there is none."""
        found = self._by_code.get(code)
        if found is None:
            raise DirectoryError(
                f"no body has that code: expected one of {', '.join(self._by_code)} (sendflow bodies lists them)"
            )
        return found

    def kind(self, code: str) -> str | None:
        """What the body with this code is in law; None where the file does not say."""
        return BOARD if code == self.icb.body else next((each.kind for each in self.body_ if each.body == code), None)

    def find_la(self, text: str) -> str | None:
        """The slug of the local authority written in `text`, with or without "Council" behind it; None
        where unknown.
        """
        if text in self.la:
            return text
        key = _key(text)
        return self._las.get(key) or self._las.get(COUNCIL.sub(r"\1", key))

    def find_service(self, text: str) -> str | None:
        """The slug of the service written in `text` (its name, slug or a synonym); None where unknown."""
        if text in self.service:
            return text
        return self._services.get(_key(text)) or self._services.get(_key(text.replace("&", "")))  # S&LT is SLT

    def find_body(self, text: str) -> str | None:
        """The code of the body written in `text` (its name or code); None where unknown."""
        return text if text in self._by_code else self._bodies_by_name.get(_key(text))

    def provider(self, la_slug: str, service_slug: str, on: date) -> str | None:
        """The code of the body that answers for this service in this local authority on a day; None where nobody is
        mapped.
        """
        mapped = self._providers.get((la_slug, service_slug), ())
        return next((each.body for each in mapped if each.is_there(on)), None)

    def providers_at_any_time(self, la_slug: str, service_slug: str) -> list[Body]:
        """Every body that answers, or did, for this service in this local authority, in the order of the file."""
        return [self._by_code[each.body] for each in self._providers.get((la_slug, service_slug), ())]

    def body_on(self, code: str, on: date) -> str | None:
        """The code of the body that has this one's duties on a day: itself, or the last of its successors.

        None if it was abolished and no successor is named. A body that the directory does not list is itself.
        """
        found = self._providers_by_code.get(code)
        while found is not None and found.last_day is not None and found.last_day < on:
            if found.successor is None:
                return None
            code = found.successor
            found = self._providers_by_code.get(code)
        return code

    def la_name(self, slug: str) -> str:
        """How the local authority is written in letters; the slug itself where the directory no longer has it."""
        return self.la[slug].name if slug in self.la else slug

    def service_name(self, slug: str) -> str:
        """How the service is written in letters; the slug itself where the directory no longer has it."""
        return self.service[slug].name if slug in self.service else slug

    @property
    def dco(self) -> str:
        """The mailbox of the Designated Clinical Officer's team."""
        return self.icb.dco

    def mailbox_of_role(self, owed: RoleOwed | None) -> str | None:
        """The mailbox of a role of our team: its own, else the team's, which one that is `alone` does not use."""
        role = self.team.get(owed.role) if owed is not None else None
        if role is not None and role.mailbox is not None:
            return role.mailbox
        return None if owed is not None and owed.alone else self.icb.dco

    def mailbox(self, la: str | None, body: str | None, service: str | None, party: Party, on: date) -> str | None:
        """The mailbox of `party` for a duty of `body` and `service` in `la` on a day; None where the directory has none
        ("no address"). The successor of a body that was abolished has its mailbox.
        """
        if party is Party.DCO:
            return self.icb.dco
        if party is Party.ICB_EXECUTIVE_LEAD:
            return self.icb.executive_lead
        if party is Party.LOCAL_AUTHORITY:
            return self.la[la].mailbox if la is not None and la in self.la else None
        if body is None and la is not None and service is not None:
            body = self.provider(la, service, on)
        if body is not None:
            body = self.body_on(body, on)
        if body == self.icb.body:
            # The DCO's team does the board's own duties (section G, mediation, recommendations, moves).
            return self.icb.dco
        if body is None:
            return None
        asked = (la, body, service, party)
        if asked not in self._mailboxes:
            self._mailboxes[asked] = self._mailbox(la, body, service, party)
        return self._mailboxes[asked]

    def _mailbox(self, la: str | None, body: str, service: str | None, party: Party) -> str | None:
        provider = self._providers_by_code.get(body)
        if provider is None:
            return None
        if party is Party.PROVIDER_SEND_LEAD or not provider.provides:
            return provider.send_lead
        offers = [given for given in provider.provides if service is None or given.service == service]
        # A body may be asked outside its own area. Its mailbox is then that of all its other offers of the service, if
        # they have the same.
        near = [given for given in offers if la in given.la] or offers
        addresses = {given.mailbox if party is Party.SERVICE else given.manager for given in near}
        # If the request names none of several services, the SEND lead gets it, who knows which service it is for.
        return addresses.pop() if len(addresses) == 1 else provider.send_lead


def load_directory(path: Path | None = None) -> Directory:
    """Reads a directory file (the invented default where `path` is None). Raises DirectoryError, never another
    exception, for its content.
    """
    file = path or DEFAULT
    return directory_of(read_text(file, DirectoryError), named(file))


def directory_of(text: str, name: str = "directory.toml") -> Directory:
    """The directory that a text says; `name` is how errors call it. Raises DirectoryError."""
    tables = tables_of(text, name, DirectoryError)
    refuse_added(tables, name, DirectoryError)
    try:
        return Directory.model_validate({**tables, "digest": hashlib.sha256(text.encode()).hexdigest(), "text": text})
    except ValidationError as problem:
        raise DirectoryError(
            f"{name}: {first_fault(problem, Directory)}. config/directory.toml is an example"
        ) from None


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


def _meet(one: Provider, other: Provider) -> bool:
    """Whether two bodies exist on the same day."""
    return (one.first_day or date.min) <= (other.last_day or date.max) and (other.first_day or date.min) <= (
        one.last_day or date.max
    )


def _chain(successors: Mapping[str, str], code: str | None) -> Iterator[str]:
    """A body and its successors, each once."""
    seen: set[str] = set()
    while code is not None and code not in seen:
        seen.add(code)
        yield code
        code = successors.get(code)


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold().replace("&", "and"))


def _names(entries: Mapping[str, Called], what: str) -> dict[str, str]:
    """Every way of writing an entry, to its slug; raises ValueError where two entries share one."""
    found: dict[str, str] = {}
    for slug, called in entries.items():
        for text in _ways(slug, called):
            if found.setdefault(_key(text), slug) != slug:
                raise ValueError(
                    f"[{what}.{slug}] and [{what}.{found[_key(text)]}] share the name {text}: a name means one of them"
                )
    return found


def _ways(slug: str, called: Called) -> Iterable[str]:
    return (slug, called.name, *called.also)
