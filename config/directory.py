"""Reads the directory: which body provides a service in a local authority, and the mailbox of each.

Purpose: SEND Regs 2014 reg 6(1)(c) has the authority seek health advice through the commissioner's providers; who they
are is a locality's choice, so it is data. It decides no duty and no date. An address that the directory does not have
is None, which the letters record as "no address": it is never guessed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from config import directory_agreement as agreement
from config.directory_entries import (
    BOARD,
    Authority,
    Body,
    Called,
    Icb,
    Person,
    Provider,
    Provides,
    RoleOwed,
    StrictEntry,
    TeamRole,
)
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
    person: tuple[Person, ...] = ()
    digest: str
    text: str = Field(default="", exclude=True, repr=False)

    @model_validator(mode="after")
    def _consistent(self) -> Directory:
        agreement.check_bodies(self.icb, self.body_)
        agreement.check_services(self.icb, self.body_, self.la, self.service)
        agreement.check_own_mailboxes(self.icb, self.body_, self.la, self.team, self.person)
        agreement.check_people(self.person, self.roles)
        agreement.ways_of_writing(self.la, "la")
        agreement.ways_of_writing(self.service, "service")
        return self

    @cached_property
    def roles(self) -> Mapping[str, str]:
        """Each role that one person has, with the mailbox of the role. A service and the DCO's team have mailboxes that
        several people read.
        """
        found = {"icb:executive_lead": self.icb.executive_lead}
        found |= {f"team.{word}:mailbox": each.mailbox or "" for word, each in self.team.items()}
        for body in self.body_:
            found[f"{body.body}:send_lead"] = body.send_lead
            found |= {f"{body.body}:manager:{given.service}": given.manager for given in body.provides}
        return found

    @property
    def every_mailbox(self) -> frozenset[str]:
        """Every mailbox of the file, of any day."""
        single = {each.mailbox for each in self.la.values()} | {each.mailbox for each in self.team.values()}
        people = (each.mailboxes for each in self.person)
        return self.icb.mailboxes.union(filter(None, single), *people, *(each.mailboxes for each in self.body_))

    def _of_role(self, role: str, mailbox: str | None, on: date) -> str | None:
        """The mailbox of the person who has a role on a day, or of the deputy; else that of the role."""
        person = next((each for each in self._people.get(role, ()) if each.has_role(on)), None)
        return (person.mailbox_on(on) if person is not None else None) or mailbox

    @cached_property
    def _people(self) -> Mapping[str, list[Person]]:
        found: dict[str, list[Person]] = {}
        for person in self.person:
            found.setdefault(person.role, []).append(person)
        return found

    @model_validator(mode="after")
    def _one_transport_a_mailbox(self) -> Directory:
        check_transports(self._letter_times)
        return self

    @cached_property
    def _letter_times(self) -> dict[str, list[LetterTimes]]:
        bodies = [(each.mailboxes, each.letters) for each in self.body_]
        letters = {"icb": self.icb.letters, **{each.body: each.letters for each in self.body_}}
        people = [
            (each.mailboxes, letters[each.role.partition(":")[0]])
            for each in self.person
            if each.role.partition(":")[0] in letters
        ]
        return times_by_mailbox([(self.icb.mailboxes, self.icb.letters), *bodies, *people])

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
    def _providers(self) -> dict[tuple[str, str], list[tuple[Provider, Provides]]]:
        found: dict[tuple[str, str], list[tuple[Provider, Provides]]] = {}
        for each in self.body_:
            for given in each.provides:
                for la in given.la:
                    found.setdefault((la, given.service), []).append((each, given))
        return found

    @cached_property
    def _providers_by_code(self) -> dict[str, Provider]:
        return {each.body: each for each in self.body_}

    @cached_property
    def _mailboxes(self) -> dict[tuple[str | None, str, str | None, Party, date | None], str | None]:
        """The mailboxes found so far: an installation has few mailboxes and many notices. The day counts only where
        the directory has people or services with days.
        """
        return {}

    @cached_property
    def _las(self) -> dict[str, str]:
        return agreement.ways_of_writing(self.la, "la")

    @cached_property
    def _services(self) -> dict[str, str]:
        return agreement.ways_of_writing(self.service, "service")

    @cached_property
    def _bodies_by_name(self) -> dict[str, str]:
        return {
            key: each.body
            for each in self.bodies
            for key in (agreement.written_key(each.name), agreement.written_key(each.body))
        }

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
        key = agreement.written_key(text)
        return self._las.get(key) or self._las.get(COUNCIL.sub(r"\1", key))

    def find_service(self, text: str) -> str | None:
        """The slug of the service written in `text` (its name, slug or a synonym); None where unknown."""
        if text in self.service:
            return text
        return self._services.get(agreement.written_key(text)) or self._services.get(
            agreement.written_key(text.replace("&", ""))
        )  # S&LT is SLT

    def find_body(self, text: str) -> str | None:
        """The code of the body written in `text` (its name or code); None where unknown."""
        return text if text in self._by_code else self._bodies_by_name.get(agreement.written_key(text))

    def provider(self, la_slug: str, service_slug: str, on: date) -> str | None:
        """The code of the body that answers for this service in this local authority on a day; None where nobody is
        mapped.
        """
        mapped = self._providers.get((la_slug, service_slug), ())
        return next((each.body for each, given in mapped if each.is_there(on) and given.is_given(on)), None)

    def providers_at_any_time(self, la_slug: str, service_slug: str) -> list[Body]:
        """Every body that answers, or did, for this service in this local authority, in the order of the file."""
        found = (each.body for each, _given in self._providers.get((la_slug, service_slug), ()))
        return [self._by_code[code] for code in dict.fromkeys(found)]

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

    def mailbox_of_role(self, owed: RoleOwed | None, on: date) -> str | None:
        """The mailbox of a role of our team on a day: its own, else the team's, which one that is `alone` does not
        use.
        """
        role = self.team.get(owed.role) if owed is not None else None
        own = self._of_role(f"team.{owed.role}:mailbox", role.mailbox, on) if owed and role is not None else None
        if own is not None:
            return own
        return None if owed is not None and owed.alone else self.icb.dco

    def mailbox(self, la: str | None, body: str | None, service: str | None, party: Party, on: date) -> str | None:
        """The mailbox of `party` for a duty of `body` and `service` in `la` on a day; None where the directory has none
        ("no address"). The successor of a body that was abolished has its mailbox.
        """
        if party is Party.DCO:
            return self.icb.dco
        if party is Party.ICB_EXECUTIVE_LEAD:
            return self._of_role("icb:executive_lead", self.icb.executive_lead, on)
        if party is Party.LOCAL_AUTHORITY:
            return self.la[la].mailbox if la is not None and la in self.la else None
        if body is None and la is not None and service is not None:
            body = self.provider(la, service, on)
        if body is not None:
            body = self.body_on(body, on)
        # Where no entry has a day, no service of a body has ended.
        if body is not None and service is not None and self._has_days:
            body = self._service_body_on(la, body, service, on)
        if body == self.icb.body:
            # The DCO's team does the board's own duties (section G, mediation, recommendations, moves).
            return self.icb.dco
        if body is None:
            return None
        asked = (la, body, service, party, on if self._has_days else None)
        if asked not in self._mailboxes:
            self._mailboxes[asked] = self._mailbox(la, body, service, party, on)
        return self._mailboxes[asked]

    @cached_property
    def _has_days(self) -> bool:
        return bool(self.person) or any(
            given.first_day or given.last_day for each in self.body_ for given in each.provides
        )

    def _service_body_on(self, la: str | None, body: str, service: str, on: date) -> str | None:
        """The body that gets the letters about a service of a body on a day: itself, or the last successor of the
        service.
        """
        seen: set[str] = set()
        while body not in seen and (provider := self._providers_by_code.get(body)) is not None:
            seen.add(body)
            offers = [given for given in provider.provides if given.service == service]
            near = [given for given in offers if la in given.la] or offers
            ended = [given for given in near if given.last_day is not None and given.last_day < on]
            if not near or len(ended) < len(near):
                break
            last = max(ended, key=lambda given: given.last_day or date.min)
            later = self.body_on(last.successor, on) if last.successor is not None else body
            if later is None or later == body:
                return later
            body = later
        return body

    def _mailbox(self, la: str | None, body: str, service: str | None, party: Party, on: date) -> str | None:
        provider = self._providers_by_code.get(body)
        if provider is None:
            return None
        lead = self._of_role(f"{body}:send_lead", provider.send_lead, on)
        if party is Party.PROVIDER_SEND_LEAD or not provider.provides:
            return lead
        offers = [given for given in provider.provides if service is None or given.service == service]
        offers = [given for given in offers if given.is_given(on)] or offers
        # A body may be asked outside its own area. Its mailbox is then that of all its other offers of the service, if
        # they have the same.
        near = [given for given in offers if la in given.la] or offers
        addresses = {
            given.mailbox
            if party is Party.SERVICE
            else self._of_role(f"{body}:manager:{given.service}", given.manager, on)
            for given in near
        }
        # If the request names none of several services, the SEND lead gets it, who knows which service it is for.
        return addresses.pop() if len(addresses) == 1 else lead


def load_directory(path: Path | None = None) -> Directory:
    """Reads a directory file (the invented default where `path` is None). Raises DirectoryError, never another
    exception, for its content.
    """
    file = path or DEFAULT
    return directory_of(read_text(file, DirectoryError), named(file))


@lru_cache(maxsize=4)
def directory_of(text: str, name: str = "directory.toml") -> Directory:
    """The directory that a text says; `name` is how errors call it. Raises DirectoryError.

    Cached: a text is read again by each context, and what it says never changes.
    """
    tables = tables_of(text, name, DirectoryError)
    refuse_added(tables, name, DirectoryError)
    try:
        return Directory.model_validate({**tables, "digest": hashlib.sha256(text.encode()).hexdigest(), "text": text})
    except ValidationError as problem:
        raise DirectoryError(
            f"{name}: {first_fault(problem, Directory)}. config/directory.toml is an example"
        ) from None
