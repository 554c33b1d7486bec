"""What an item inside a case is about, in words: what the fact that added it says by choices and links. Pure.

An item is stored by its code, such as `item_1`, which says nothing to a reader. Confidential words are no choice, and
are never shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from casework.reports.case_models import FactShown, ItemShown
from casework.reports.recordable import fields_of
from config.text import in_words
from statemachines.items import ITEM
from statemachines.process import Process

SAID = ("choice", "case")
CODES = (ITEM, "on_item")
NOTHING = (None, "yes", "no", "not_known")  # an answer says nothing without its question


def item_words(process: Process, facts: Sequence[FactShown], items: Sequence[ItemShown]) -> Mapping[str, str]:
    """The words of each item by its code, such as "issue plan, NX00042"; empty where its fact says nothing.

    Choices and links go before other words, such as the agency that acts.

    The words are those of the first fact in force about the item: it added the item.
    """
    added = {str(fact.data[ITEM]): fact for fact in reversed(facts) if fact.stands and ITEM in fact.data}
    return {each.item: _words(process, added[each.item]) if each.item in added else "" for each in items}


def _words(process: Process, fact: FactShown) -> str:
    forms = [
        form for form in fields_of(process.facts[fact.kind].model) if not form.encrypted and form.name not in CODES
    ]
    shown = [form.name for form in forms if form.kind in SAID] or [each.name for each in forms if each.kind == "words"]
    return ", ".join(in_words(str(fact.data[name])) for name in shown if fact.data.get(name) not in NOTHING)


def item_name(called: str, code: str) -> str:
    """What an item is called, with its code in words: "agenda item 1" of `item_1`, "entry feeding team"."""
    words = in_words(code)
    first, _, rest = words.partition(" ")
    return f"{called} {rest if rest and called.endswith(first) else words}"
