"""The views of the list of cases that an account saved: a name, and the filters as they are in an address.

Purpose: who looks after one authority opens the same filter each morning. A view is its account's alone, and holds no
case. Its name is free text: what looks like an NHS number or a birth date is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection, delete, insert, select

from casework.context import AppContext, instant
from casework.reports.case_list import CaseFilter, Show
from models.database import reading, transact
from models.errors import Refusal
from models.identifiers import identifier_in
from models.tables import SAVED_VIEW

LONGEST_NAME = 60
MOST = 20


class SavedView(BaseModel):
    """A view: its id, its name, and its filters as the query of an address."""

    model_config = ConfigDict(frozen=True)
    id: str
    name: str
    query: str


class WrongView(Refusal, ValueError):
    """The view cannot be saved, or is not there."""

    default_code = "bad_view"


def views_of(context: AppContext, account: str) -> list[SavedView]:
    """The views of an account, by name."""
    columns = [SAVED_VIEW.c[name] for name in SavedView.model_fields]
    query = select(*columns).where(SAVED_VIEW.c.account == account).order_by(SAVED_VIEW.c.name, SAVED_VIEW.c.id)
    with reading(context.engine) as connection:
        return [SavedView.model_validate(row._asdict()) for row in connection.execute(query)]


def view_named(context: AppContext, account: str, name: str) -> SavedView:
    """The view of an account that has this name. Raises WrongView."""
    wanted = " ".join(name.split()).casefold()
    own = views_of(context, account)
    for view in own:
        if view.name.casefold() == wanted:
            return view
    known = ", ".join(view.name for view in own)
    raise WrongView(f"{account} has no view of that name; there is {known}" if own else f"{account} has saved no view")


def filter_of(view: SavedView) -> CaseFilter:
    """The filters of a view. Raises WrongView where they are of an earlier program."""
    return wanted_filter(dict(parse_qsl(view.query)))


def wanted_filter(given: Mapping[str, str]) -> CaseFilter:
    """The filters of the list of cases by their names. Raises WrongView, which names what is not right."""
    known = [name for name in CaseFilter.model_fields if name != "page"]
    if unknown := sorted(set(given) - set(known)):
        raise WrongView(f"{unknown[0]} is no filter of the list: expected one of {', '.join(known)}")
    try:
        return CaseFilter.model_validate(dict(given))
    except ValidationError:
        raise WrongView(f"show is one of {', '.join(Show)}, for example show=late") from None


def save_view(context: AppContext, account: str, name: str, given: Mapping[str, str]) -> SavedView:
    """Save the filters of the list of cases under a name; the same name again replaces them. Raises WrongView."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise WrongView(f"give the view a name of at most {LONGEST_NAME} characters, for example Northshire, late")
    if (seen := identifier_in(name, context.today())) is not None:
        raise WrongView(f"the name seems to hold {seen}: name a view after its filters, for example Northshire, late")
    query = _query(given)

    def once(connection: Connection) -> SavedView:
        own = SAVED_VIEW.c.account == account
        connection.execute(delete(SAVED_VIEW).where(own, SAVED_VIEW.c.name == name))
        if len(connection.execute(select(SAVED_VIEW.c.id).where(own)).all()) >= MOST:
            raise WrongView(f"you have {MOST} views already: delete one first")
        view = SavedView(id=secrets.token_hex(6), name=name, query=query)
        connection.execute(insert(SAVED_VIEW).values(**view.model_dump(), account=account, at=instant(context.now())))
        return view

    return transact(context.engine, once)


def delete_view(context: AppContext, account: str, id_: str) -> None:
    """Delete a view of the account. Raises WrongView."""
    own = SAVED_VIEW.c.account == account, SAVED_VIEW.c.id == id_
    if not transact(context.engine, lambda each: each.execute(delete(SAVED_VIEW).where(*own)).rowcount):
        raise WrongView("there is no such view: it was deleted already")


def _query(given: Mapping[str, str]) -> str:
    filters = {key: value for key, value in given.items() if key in CaseFilter.model_fields and value and key != "page"}
    try:
        wanted = CaseFilter.model_validate(filters)
    except ValidationError:
        raise WrongView("choose the filters of the list") from None
    if wanted.search:
        raise WrongView("a search for one case is no view: clear it, and save the other filters")
    return urlencode(wanted.model_dump(mode="json", exclude={"page"}, exclude_defaults=True))
