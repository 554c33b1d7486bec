"""The fields of a fact that only names an authority, a service or a body are parsed once; nothing of them is shared."""

import pytest

from casework.cases.fact_form import Refused, parsed
from statemachines.registry import processes

KIND = "health_advice_requested"
NAMES = {"body": "QX101", "service": "community_paediatrics"}
MODEL = processes()["ehc_needs_assessment"].facts[KIND].model


def test_what_one_fact_adds_to_its_fields_is_in_no_other_fact() -> None:
    fields, texts = parsed(MODEL, KIND, NAMES)
    fields["answer"] = "not_known"
    texts["reason"] = "a sentence"
    assert parsed(MODEL, KIND, NAMES) == (NAMES, {})


@pytest.mark.parametrize("given", [{"body": "not a code"}, {}])
def test_what_is_refused_once_is_refused_again(given: dict[str, str]) -> None:
    for _attempt in range(2):
        with pytest.raises(Refused):
            parsed(MODEL, KIND, given)


def test_two_facts_with_the_same_names_and_another_text_are_two() -> None:
    model = processes()["ehc_needs_assessment"].facts["waiting_list_stated"].model
    about = {"service": NAMES["service"], "body": NAMES["body"]}
    said = [parsed(model, "waiting_list_stated", {**about, "note": note})[1] for note in ("six months", "a year")]
    assert said == [{"note": "six months"}, {"note": "a year"}]
