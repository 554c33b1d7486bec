"""Compares the present version with the snapshots in `data/`; `write.py` describes them and writes them."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.contracts import calls, shapes, surface
from tests.contracts.write import collected, frozen

DOCUMENTS: Mapping[str, Any] = frozen("documents")
EXITS: Mapping[str, Any] = frozen("exits")
FACTS: Mapping[str, Any] = frozen("facts")
MANIFEST: Mapping[str, Mapping[str, str]] = frozen("manifest")
DATABASE: Mapping[str, Any] = frozen("database")


@pytest.fixture(scope="module")
def present(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every surface of the present version."""
    return collected(tmp_path_factory.mktemp("contracts"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_has_every_key_with_its_type_and_its_value(present: Mapping[str, Any], name: str) -> None:
    earlier, later = DOCUMENTS[name], present["documents"].get(name)
    assert later is not None, "the call no longer prints a document"
    assert shapes.lost(earlier["shape"], later["shape"], shapes=True) == []
    assert shapes.lost(earlier.get("values"), later.get("values")) == []


def test_a_call_ends_with_its_exit_code_and_prints_a_document_words_or_nothing(present: Mapping[str, Any]) -> None:
    later = {name: (call["code"], call["stdout"]) for name, call in present["exits"].items()}
    earlier = {name: (call["code"], call["stdout"]) for name, call in EXITS.items()}
    assert {name: (ended, later.get(name)) for name, ended in earlier.items() if later.get(name) != ended} == {}


def test_the_calls_cover_every_command_and_every_exit_code() -> None:
    assert {words[0] for words in calls.COMMANDS.values()} == surface.commands()
    assert {call["command"] for call in EXITS.values()} == calls.COMMANDS.keys()
    assert {call["code"] for call in EXITS.values()} == {0, 1, 2, 3}
    # The two commands that stay in the foreground print no document.
    assert {call["command"] for call in DOCUMENTS.values()} == calls.COMMANDS.keys() - {"run a service", "up"}


@pytest.mark.parametrize("process", FACTS)
def test_a_process_has_its_states_and_its_facts_with_their_fields(present: Mapping[str, Any], process: str) -> None:
    earlier, later = FACTS[process], present["facts"].get(process)
    assert later is not None, "the process is gone"
    assert set(earlier["states"]) <= set(later["states"])
    assert set(earlier["final"]) <= set(later["final"])
    assert (later["initial"], later["opens"]) == (earlier["initial"], earlier["opens"])
    assert later["version"] >= earlier["version"]
    assert shapes.lost(earlier["facts"], later["facts"]) == []


def test_the_metrics_have_their_names_types_and_labels(present: Mapping[str, Any]) -> None:
    assert shapes.lost(frozen("metrics"), present["metrics"]) == []


def test_prefect_knows_the_product_by_the_same_names(present: Mapping[str, Any]) -> None:
    earlier, later = frozen("prefect"), present["prefect"]
    assert later["work_pool"] == earlier["work_pool"]
    assert shapes.lost(earlier["flows"], later["flows"]) == []
    for names in ("run_states", "artifacts"):
        assert set(earlier[names]) <= set(later[names]), names
    for named in ("deployments", "automations"):
        assert {each["name"] for each in earlier[named]} <= {each["name"] for each in later[named]}, named
    ends = {each["name"]: set(each["expect"]) for each in later["automations"]}
    assert all(set(each["expect"]) <= ends[each["name"]] for each in earlier["automations"])


@pytest.mark.parametrize("table", DATABASE)
def test_a_table_has_its_columns_and_its_rows_change_as_before(present: Mapping[str, Any], table: str) -> None:
    earlier, later = DATABASE[table], present["database"].get(table)
    assert later is not None, "the table is gone"
    assert later["rows"] == earlier["rows"]
    if earlier["rows"] == "append-only":
        assert later["columns"] == earlier["columns"], "an append-only table never changes"
    assert shapes.lost(earlier["columns"], later["columns"]) == []
    assert set(earlier["indexes"]) <= set(later["indexes"])


def test_the_append_only_tables_are_frozen() -> None:
    frozen_tables = {name for name, table in DATABASE.items() if table["rows"] == "append-only"}
    later = {"finding", "finding_closed", "change_log", "config_held", "account_change", "case_look"}
    later |= {"to_decide", "decided", "case_owner"}
    later |= {"retention_hold", "retention_hold_ended", "erasure_proposal", "erasure_decided"}
    later |= {"log_leaf", "log_block", "log_checkpoint", "log_cosignature", "log_act", "mac_key", "acting"}
    later |= {"account_identity"}
    assert frozen_tables == {"fact", "anchor", "person_read", "adoption", "law_held", "clock_setting"} | later


def test_the_program_reads_every_environment_variable(present: Mapping[str, Any]) -> None:
    earlier = set(frozen("environment"))
    assert len(earlier) > 20
    assert earlier <= set(present["environment"])


@pytest.mark.parametrize("section", MANIFEST)
def test_a_golden_file_is_there_and_has_not_changed(present: Mapping[str, Any], section: str) -> None:
    later = present["manifest"].get(section, {})
    assert {name for name, digest in MANIFEST[section].items() if later.get(name) != digest} == set()


@pytest.mark.parametrize(
    ("earlier", "later", "problem"),
    [
        ({"a": "int"}, {"b": "int"}, "$.a is gone"),
        ({"a": "int"}, {"a": "str"}, "$.a is 'str' instead of 'int'"),
        ({"a": "int"}, {"a?": "int"}, "$.a is gone"),
        ([{"a": "int"}], [{"b": "int"}], "$[0].a is gone"),
        ([{"a": "int"}], [], "$ has 0 elements instead of 1"),
        ({"a": {"b": True}}, {"a": {"b": 1}}, "$.a.b is 1 instead of True"),
    ],
)
def test_what_is_lost_is_found(earlier: Any, later: Any, problem: str) -> None:
    assert shapes.lost(earlier, later, shapes=True) == [problem]
    assert shapes.lost(earlier, {**earlier, "more": 1} if isinstance(earlier, dict) else earlier, shapes=True) == []


def test_a_shape_merges_elements_and_collapses_keys_that_are_data() -> None:
    assert shapes.shape([{"a": 1}, {"a": None, "b": "x"}]) == [{"a": "int|null", "b?": "str"}]
    assert shapes.shape({"2026-03-02": 1, "NX00042": True, "RX1A2": "x"}) == {
        "<day>": "int",
        "<reference>": "bool",
        "<code>": "str",
    }
    assert shapes.shape({"kinds": {"breached": 1, "reminder_due": 2}}) == {"kinds": {"<key>": "int"}}


def test_sentences_and_digests_are_not_compared_but_codes_and_days_are() -> None:
    given = {
        "message": "The day is not there.",
        "name": "Closed",
        "hash": "0" * 64,
        "state": "closed",
        "on": "2026-03-02",
        "steps": ["One day.", "Two days."],
    }
    assert shapes.plain(given) == {
        "message": "<words>",
        "name": "<words>",
        "hash": "<digest>",
        "state": "closed",
        "on": "2026-03-02",
        "steps": ["<words>"],
    }
