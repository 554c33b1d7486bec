"""A description of the pages in OpenAPI, made from the routes and the models of the facts: for tests that try input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from casework.reports.case_list import CaseFilter, Show
from casework.reports.recordable import fields_of
from casework.reports.today import Wanted
from config.directory_forms import SORTS
from config.rights import roles
from statemachines.registry import processes
from web.routes import ROUTES, Way

WORD = {"type": "string", "maxLength": 40}
IN_PATH = {"type": "string", "pattern": "^[A-Za-z0-9_<>&'é -]{1,20}$"}
PATHS: Mapping[str, dict[str, Any]] = {
    "name": {
        "anyOf": [
            {
                "enum": [
                    "late",
                    "soon",
                    "decide",
                    "changed",
                    "meetings",
                    "transition",
                    "dynamic_support",
                    "panels",
                    "approvals",
                    "packages_due",
                ]
            },
            IN_PATH,
        ]
    },
    "sort": {"anyOf": [{"enum": [*SORTS]}, IN_PATH]},
    "key": {"anyOf": [{"enum": ["new", "northshire", "QX101", "QX101.1", "QX103.new", "1.new"]}, IN_PATH]},
    "ref": {"anyOf": [{"enum": ["SP90001", "SP90002", "sp90003", "new", "NX99999"]}, IN_PATH]},
    "other": {"anyOf": [{"enum": ["SP90001", "SP90002", "NX99999"]}, IN_PATH]},
    "number": {"type": "integer", "minimum": 0, "maximum": 10**20},
    "seq": {"type": "integer", "minimum": 0, "maximum": 10**20},
    "rule": {"anyOf": [{"enum": ["ehc_body_advice_respond", "ehc_issue_final_plan"]}, IN_PATH]},
    "step": {"anyOf": [{"enum": ["new", "breach", "reminder_3_weeks"]}, IN_PATH]},
    "part": {"anyOf": [{"enum": ["letter.health_advice_requested", "grace.ehc_needs_assessment"]}, IN_PATH]},
    "place": {"anyOf": [{"enum": ["column.reference", "words.yes"]}, IN_PATH]},
    "pack": IN_PATH,
    "body": {"anyOf": [{"enum": ["QX101", "QX900"]}, IN_PATH]},
    "sheet": {"type": "integer", "minimum": 0, "maximum": 10**20},
    "line": {"type": "integer", "minimum": 0, "maximum": 10**20},
    "item": IN_PATH,
    "id": IN_PATH,
    "token": {"type": "string", "pattern": "^[A-Za-z0-9_-]{20,40}$"},
}
QUERIES = {
    "/sign-in": ("token",),
    "/sign-in/sso/back": ("code", "state", "iss", "error"),
    "/start": ("token",),
    "/second-factor": ("then",),
    "/today": tuple(Wanted.model_fields),
    "/lists/{name}": (*Wanted.model_fields, "format"),
    "/cases": (*CaseFilter.model_fields, "format"),
    "/cases/{ref}": ("as_at", "known_at", "show", "not", "order", "recorded"),
    "/cases/{ref}/why/{rule}/{seq:int}": ("as_at", "known_at"),
    "/cases/{ref}/record/{kind}": ("corrects", "claim", "on-day"),
    "/registers/{name}": ("from_on", "to_on", "by", "days", "la", "format"),
    "/children": ("case", "other"),
    "/children/{ref}": ("done",),
    "/law": ("process", "search"),
    "/law/packs": ("done",),
    "/imports": ("ended",),
    "/imports/{id}": ("why", "page", "refresh", "corrected", "settled", "then"),
    "/law/watch": ("done",),
    "/organisations": ("done",),
    "/policy": ("done",),
    "/columns": ("done", "header"),
    "/letters": ("state", "format", "page"),
    "/tomorrow": ("page",),
    "/held": ("page",),
    "/own": ("format",),
    "/audit/looks": ("who", "case", "from_on", "to_on", "what", "page", "format"),
    "/help/glossary": ("search",),
    "/retention": ("page", "begun", "ended"),
    "/retention/erasures/{number:int}": ("done",),
}
FORMS = {
    "/sign-in": ("account", "password"),
    "/start": ("link",),
    "/sign-in/sso": ("link",),
    "/sign-out/sso/ended": ("logout_token",),
    "/people/identity": ("account",),
    "/reset": ("account",),
    "/reply/{token}": ("choice", "step", "to", "on-day", "number"),
    "/own/reply": ("choice", "step", "number"),
    "/second-factor": ("code", "then"),
    "/sign-out": ("everywhere",),
    "/password": ("password", "again"),
    "/cases/by-nhs-number": ("nhs_number",),
    "/cases/{ref}/identity": ("purpose",),
    "/cases/{ref}/subject-access": ("purpose",),
    "/cases/{ref}/bundle": ("whom", "purpose", "looks"),
    "/retention/holds": ("case", "reason", "since"),
    "/retention/erasures": ("case", "ground", "step"),
    "/retention/erasures/{number:int}": ("how",),
    "/retention/erasures/{number:int}/certificate": ("form",),
    "/audit/bundle": ("cases", "whom", "looks"),
    "/children/{ref}/identity": ("purpose",),
    "/children/{ref}/correct": (
        "nhs_number",
        "date_of_birth-day",
        "date_of_birth-month",
        "date_of_birth-year",
        "reason",
        "step",
        "confirm_child",
    ),
    "/children/{ref}/part": ("other", "along-SP90003", "step"),
    "/children/{ref}/with/{other}": ("step",),
    "/children/{ref}/with/{other}/identity": ("purpose",),
    "/law/watch": ("watch", "found"),
    "/law/rules/{rule}": ("on-day", "on-month", "on-year", "given-moved_on-day"),
    "/imports/{id}": ("step", "mark"),
    "/imports/{id}/rows/{sheet:int}/{line:int}": ("choice", "cell-la"),
    "/imports/file": ("file",),
    "/sen2/file": ("la", "file"),
    "/views": ("name", "filter"),
    "/together": ("case.SP90001", "seen.SP90001", "all", "filter", "act", "fact", "step", "owner", "reason", "on-day"),
    "/organisations/entries/{sort}/{key}": (
        "name",
        "mailbox",
        "la-northshire",
        "last_day-day",
        "successor",
        "base",
        "step",
    ),
    "/organisations/mailboxes": ("place", "mailbox"),
    "/policy/parts/{part}": ("to-service", "confirm", "quiet_working_days", "grace_working_days", "step"),
    "/policy/{rule}/{step}": ("distance", "unit", "counted_from", "to-service", "level", "leave_out", "step"),
    "/columns/{place}": ("words", "headers", "base", "step"),
    "/organisations/mailboxes/{id}": ("code-1",),
    "/release": ("sure",),
    "/decide/{number:int}": ("how",),
    "/cases/{ref}/owner": ("owner",),
    "/cases/{ref}/ladder": ("note", "how"),
    "/cases/{ref}/release": ("reason",),
    "/mails/{id}": ("what", "case", "service", "on-day"),
    "/people": ("account", "role", "scope"),
    "/people/invite": ("account", "mailbox"),
    "/people/second-factor": ("account",),
    "/people/tokens": ("account", "days", "scope-case", "scope-identity"),
    "/people/tokens/end": ("token_id",),
}
FILES = (
    "",
    "Ref,Local authority,Request received by LA\nNX90042,Northshire,05/01/2026\n",
    "receiveddate,personbirthdate\n01/01/2026,01/01/2016\nsoon,\n",
    "<Message><SEN2><Person><Requests/></Person></SEN2></Message>",
    "PK\x03\x04",
)
VALUES: Mapping[str, dict[str, Any]] = {
    "la": {"anyOf": [{"enum": ["", "northshire", "nowhere"]}, WORD]},
    "file": {"anyOf": [{"enum": list(FILES)}, {"type": "string", "maxLength": 200}]},
    "purpose": {"anyOf": [{"enum": ["", "which_child", "subject_access"]}, WORD]},
    "ground": {"anyOf": [{"enum": ["retention_ended", "court_order"]}, WORD]},
    "form": {"anyOf": [{"enum": ["html", "pdf", "json"]}, WORD]},
    "format": {"enum": ["", "csv", "xlsx", "pdf"]},
    "show": {"anyOf": [{"enum": [str(each) for each in Show]}, WORD]},
    "as_at": {"anyOf": [{"type": "string", "format": "date"}, WORD]},
    "known_at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, WORD]},
    "page": {"anyOf": [{"type": "integer"}, WORD]},
    "step": {"enum": ["", "check", "edit", "record"]},
    "how": {"anyOf": [{"enum": ["corrected", "recorded", "not_ours", "two_matters", "approve", "refuse"]}, WORD]},
    "owner": {"anyOf": [{"enum": ["", "-", "dco.team", "admin.team"]}, WORD]},
    "role": {"anyOf": [{"enum": ["", *roles()]}, WORD]},
    "corrects": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 30}, WORD]},
    "nhs_number": {"anyOf": [{"enum": ["999 000 0018", "9990000018"]}, WORD]},
    "mailbox": {"anyOf": [{"enum": ["sam@icb.example"]}, WORD]},
}
DAY = {"anyOf": [{"type": "integer", "minimum": -1, "maximum": 40}, WORD]}


def _word(name: str) -> dict[str, Any]:
    return DAY if name.endswith(("-day", "-month", "-year")) else WORD


def kinds() -> list[str]:
    """Every kind of fact that some process knows."""
    return sorted({kind for process in processes().values() for kind in process.facts})


def _fact_fields() -> dict[str, Any]:
    """The fields of the forms of every fact, with the choices that the models have."""
    found: dict[str, Any] = dict.fromkeys(("reason", "confirm_child"), WORD) | {"step": VALUES["step"]}
    for process in processes().values():
        for fact in process.facts.values():
            for field in fields_of(fact.model):
                choices = [{"enum": field.choices}] if field.choices else []
                found[field.name] = {"anyOf": [*choices, WORD]}
                found |= {f"{field.name}-{part}": DAY for part in ("day", "month", "year") if field.kind == "day"}
    return found | {f"on-{part}": DAY for part in ("day", "month", "year")} | {"corrects": VALUES["corrects"]}


def described() -> dict[str, Any]:
    """The document. A form's token is left out: who tries the form knows the one of the session."""
    paths: dict[str, dict[str, Any]] = {}
    for way in ROUTES:
        path = re.sub(r":\w+}", "}", way.path)
        paths.setdefault(path, {})[way.method.lower()] = _operation(way)
    return {"openapi": "3.1.0", "info": {"title": "The pages", "version": "1"}, "paths": paths}


def _operation(way: Way) -> dict[str, Any]:
    named = {**PATHS, "kind": {"anyOf": [{"enum": kinds()}, IN_PATH]}}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": named[name]}
        for name in re.findall(r"{(\w+)", way.path)
    ]
    made: dict[str, Any] = {"responses": {"default": {"description": "a page"}}, "parameters": parameters}
    if way.method == "GET":
        parameters += [
            {"name": name, "in": "query", "schema": VALUES.get(name, WORD)} for name in QUERIES.get(way.path, ())
        ]
        return made
    fields = {name: VALUES.get(name, _word(name)) for name in FORMS.get(way.path, ())}
    if way.path.endswith("/record/{kind}"):
        fields = _fact_fields()
    schema = {"type": "object", "properties": fields, "additionalProperties": False}
    return {**made, "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}}
