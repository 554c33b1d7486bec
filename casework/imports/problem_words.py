"""Why a row of a tracker is refused, in words, by the code of the problem. [pure]"""

from __future__ import annotations

from config.text import in_words

_WORDS = {
    "ambiguous_date": "A day that may mean another one",
    "another_child": "An NHS number of another child",
    "authoritys_reference": "The authority's reference of a stored case",
    "bad_value": "A word that is none of those expected",
    "check_digit": "An NHS number with a wrong digit",
    "confirm_child": "It may be about the child of a stored case",
    "contradiction": "Cells that contradict each other",
    "differs": "Another value than is recorded",
    "duplicate_reference": "A reference that an earlier row has",
    "encoding": "Letters in another encoding",
    "future_date": "A day that has not come yet",
    "impossible_date": "A day that does not exist",
    "look_again": "A probable slip",
    "merged_below": "Cells merged with the row above",
    "merged_beside": "Cells merged with their neighbours",
    "missing": "An empty cell that is needed",
    "no_value": "A formula without a value",
    "not_a_date": "Text where a day is expected",
    "not_asked": "An answer of a service that was not asked",
    "open_already": "A case of the child is open already",
    "out_of_order": "Days in an order that cannot be",
    "undecided_already": "An earlier request for the child is undecided",
    "unknown_la": "A local authority that the directory does not have",
    "unknown_service": "A service that the directory does not have",
    "unlawful": "A fact that cannot be true there",
    "unmapped_service": "A service that nobody provides for this authority",
}


def problem(code: str) -> str:
    """What is wrong with a cell."""
    words = _WORDS.get(code) or in_words(code)
    return words[:1].upper() + words[1:]
