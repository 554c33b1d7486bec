"""`sendflow check` names the file, line, key and nearest right word of every word that names nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from casework.context import AppContext
from casework.rules.checks import files
from casework.rules.checks.files import SHIPPED, problems
from casework.rules.checks.problem import Problem
from config.escalation_policy import EscalationPolicyError
from config.settings import Settings
from config.toml_reader import ConfigFault
from notifications import render as rendering
from tests.support.calling import sendflow
from tests.support.team import Team

Laid = Callable[[str, str, str], tuple[Path, int]]


@pytest.fixture
def laid(tmp_path: Path) -> Laid:
    """A pack with one shipped file in which one word is replaced; the pack, and the line of the word."""

    def lay(name: str, right: str, wrong: str) -> tuple[Path, int]:
        text = (SHIPPED / name).read_text("utf-8")
        assert right in text, right
        pack = tmp_path / "pack"
        (pack / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / name).write_text(text.replace(right, wrong, 1), "utf-8")
        return pack, text[: text.index(right)].count("\n") + 1

    return lay


def at(team: Team) -> dict[str, str]:
    return {"SENDFLOW_HOME": str(team.home)}


@pytest.mark.all_processes
def test_what_is_shipped_names_nothing_that_does_not_exist() -> None:
    assert problems() == []


WRONG: Mapping[str, tuple[str, str, str, str, str, str | None]] = {
    # name: the file, the right text, the wrong text, the key, the wrong word, the nearest right word
    "fact in a rule": (
        "statute/section23.toml", 'met_by = ["parent_informed"]', 'met_by = ["parent_infromed"]',
        "met_by", "parent_infromed", "parent_informed",
    ),
    "value of a field": (
        "statute/section23.toml", 'starts_if = { says_sen = "yes" }', 'starts_if = { says_sen = "yess" }',
        "starts_if", "yess", "yes",
    ),
    "field": (
        "statute/section23.toml", 'starts_if = { says_sen = "yes" }', 'starts_if = { say_sen = "yes" }',
        "starts_if", "say_sen", "says_sen",
    ),
    "rule that is held up": (
        "statute/ehc_needs_assessment.toml", '"ehc_final_plan_send", "ehc', '"ehc_final_plan_sent", "ehc',
        "holds_up", "ehc_final_plan_sent", "ehc_final_plan_send",
    ),
    "letter of a step": (
        "ladder/section23.toml", 'template = "section23_overdue"', 'template = "section23_overdu"',
        "template", "section23_overdu", "section23_overdue",
    ),
    "rule of a step": (
        "ladder/section23.toml", "[[rung.s23_inform_parent]]", "[[rung.s23_inform_parents]]",
        "s23_inform_parents", "s23_inform_parents", "s23_inform_parent",
    ),
    "fact of a letter": (
        "ladder/section23.toml", "[letter.la_notified]", "[letter.la_notifed]",
        "la_notifed", "la_notifed", "la_notified",
    ),
    "recipient": (
        "ladder/section23.toml", 'to = ["provider_send_lead"]', 'to = ["provider_sen_lead"]',
        "to", "provider_sen_lead", "provider_send_lead",
    ),
    "value of a key of a rule": (
        "statute/section23.toml", 'bound = "by"', 'bound = "byy"', "bound", "byy", "by",
    ),
    "value of a key of a period": (
        "statute/package.toml", 'basis = "local_standard"', 'basis = "local_standards"',
        "basis", "local_standards", "local_standard",
    ),
    "input": (
        "statute/panel_sitting.toml", 'replaced_by = "papers_by"', 'replaced_by = "paper_by"',
        "replaced_by", "paper_by", "papers_by",
    ),
    "owner": (
        "statute/package.toml", 'owner = "team"', 'owner = "taem"', "owner", "taem", "team",
    ),
    "letter of an end": (
        "ladder/section23.toml", 'again = "needed_after_all"', 'again = "needed_after_al"',
        "again", "needed_after_al", "needed_after_all",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_word_is_named_with_file_line_key_and_nearest(laid: Laid, name: str) -> None:
    file, right, wrong, key, word, nearest = WRONG[name]
    pack, line = laid(file, right, wrong)
    found = [each for each in problems((SHIPPED, pack)) if each.word == word]
    assert [(each.file, each.line, each.key, each.nearest) for each in found[:1]] == [(file, line, key, nearest)]
    said = found[0].sentence
    assert said.startswith(f"{file}, line {line}: ") and f'Did you mean "{nearest}"?' in said, said


@pytest.mark.parametrize(
    ("file", "right", "wrong", "key", "nearest"),
    [
        ("directory.toml", 'service = "camhs"', 'service = "cahms"', "service", "camhs"),
        ("directory.toml", 'la = ["northshire", "tarnford"]', 'la = ["northshire", "tarnfrod"]', "la", "tarnford"),
        ("tracker.toml", 'fact = "draft_plan_received"', 'fact = "draft_plan_recieved"', "fact", "draft_plan_received"),
        ("tracker.toml", "[column.draft_on]", "[column.drafts_on]", "drafts_on", "draft_on"),
    ],
)
def test_a_wrong_word_in_an_installations_own_file(
    tmp_path: Path, file: str, right: str, wrong: str, key: str, nearest: str
) -> None:
    text = (SHIPPED / file).read_text("utf-8")
    (tmp_path / file).write_text(text.replace(right, wrong, 1), "utf-8")
    (found, *_more) = problems(home=tmp_path)
    line = text[: text.index(right)].count("\n") + 1
    assert (found.file, found.line, found.key, found.nearest) == (f"{tmp_path.name}/{file}", line, key, nearest)


def test_a_step_of_a_rule_that_no_fact_opens(laid: Laid) -> None:
    pack, line = laid("ladder/section23.toml", "[[rung.s23_inform_parent]]", "[[rung.compulsory_school_age_start]]")
    (found, *_more) = problems((SHIPPED, pack))
    assert found.line == line and found.nearest is None
    assert "no fact opens, so that no step of it falls due" in found.sentence


def test_only_the_files_of_one_process_are_checked(laid: Laid) -> None:
    pack, _line = laid("ladder/section23.toml", 'template = "section23_overdue"', 'template = "section23_overdu"')
    assert problems((SHIPPED, pack), only="transfer") == []
    assert [each.word for each in problems((SHIPPED, pack), only="section23")] == ["section23_overdu"]


def test_a_misspelt_letter_is_an_error_when_the_policy_is_loaded(tmp_path: Path) -> None:
    """Before, its letters waited for ever and nothing said so."""
    ladder = (SHIPPED / "ladder" / "section23.toml").read_text("utf-8")
    (tmp_path / "ladder.toml").write_text(ladder.replace('"section23_overdue"', '"section23_overdu"', 1), "utf-8")
    with pytest.raises(
        EscalationPolicyError, match=r'ladder\.toml, line 15.*"section23_overdu".*"section23_overdue"\?'
    ):
        AppContext.load_in_memory(Settings(home=tmp_path))


def test_a_misspelt_fact_is_an_error_when_the_first_duty_is_derived(laid: Laid) -> None:
    pack, line = laid("statute/section23.toml", 'met_by = ["parent_informed"]', 'met_by = ["parent_infromed"]')
    context = AppContext.load_in_memory(Settings(home=pack)).with_rule_pack(pack)
    with pytest.raises(ConfigFault, match=rf'section23\.toml, line {line}.*"parent_informed"\?'):
        _ = context.duty_rules["section23"]


def test_the_command_lists_the_words_and_exits_with_1(team: Team) -> None:
    assert sendflow("check", "section23", env=at(team)).exit_code == 0
    shutil.copy(SHIPPED / "directory.toml", team.home / "directory.toml")
    own = (team.home / "directory.toml").read_text("utf-8")
    (team.home / "directory.toml").write_text(own.replace('service = "camhs"', 'service = "cahms"', 1), "utf-8")
    ended = sendflow("check", "--json", env=at(team))
    assert ended.exit_code == 1
    assert {(each["key"], each["word"], each["nearest"]) for each in json.loads(ended.stdout)} == {
        ("service", "cahms", "camhs")
    }
    assert sendflow("check", "section24", env=at(team)).exit_code == 2


def test_the_doctor_names_a_wrong_word(team: Team) -> None:
    text = (SHIPPED / "tracker.toml").read_text("utf-8")
    (team.home / "tracker.toml").write_text(text.replace('"draft_plan_received"', '"draft_plan_recieved"'), "utf-8")
    ended = sendflow("doctor", "--quick", "--json", env=at(team))
    (found,) = [each for each in json.loads(ended.stdout)["findings"] if each["what"] == "names"]
    assert 'Did you mean "draft_plan_received"?' in found["message"] and "sendflow check" in found["mend"]


def test_a_problem_without_a_near_word_suggests_none() -> None:
    problem = Problem(
        "ladder/x.toml", 3, "letter.a", "template", "zzz", "which is no letter", None, "Letters are here."
    )
    assert (
        problem.sentence
        == 'ladder/x.toml, line 3: [letter.a] `template` names "zzz", which is no letter. Letters are here.'
    )


@pytest.fixture
def lettered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], int]]:
    """A copy of the letters with one word of one letter replaced; gives the line of that word."""
    folder = tmp_path / "templates"
    shutil.copytree(rendering.FOLDER, folder)

    def lay(name: str, right: str, wrong: str) -> int:
        text = (folder / name).read_text("utf-8")
        assert right in text, right
        (folder / name).write_text(text.replace(right, wrong, 1), "utf-8")
        monkeypatch.setattr(rendering, "FOLDER", folder)
        monkeypatch.setattr(files, "FOLDER", folder)
        rendering.shelf.cache_clear()
        return text[: text.index(right)].count("\n") + 1

    yield lay
    monkeypatch.undo()
    rendering.shelf.cache_clear()


@pytest.mark.parametrize(
    ("right", "wrong", "key", "word", "nearest"),
    [
        (
            'cites = ["enquiry_service_answer"]',
            'cites = ["enquiry_service_anser"]',
            "cites",
            "enquiry_service_anser",
            "",
        ),
        ("no answer since {{ closed_on", "no answer since {{ closd_on", "subject", "closd_on", "closed_on"),
        ("{{ body }} needs{% endif %}", "{{ bdy }} needs{% endif %}", "action", "bdy", "body"),
        (
            "before {{ closed_on | day }}, we record",
            "before {{ closed_onn | day }}, we record",
            "body",
            "closed_onn",
            "closed_on",
        ),
    ],
)
def test_a_wrong_word_in_a_letter_is_found_also_for_its_process_alone(
    lettered: Callable[[str, str, str], int], right: str, wrong: str, key: str, word: str, nearest: str
) -> None:
    line = lettered("enquiry_service_ended-1.md", right, wrong)
    for only in ("enquiry", None):
        (found,) = problems(only=only)
        assert (found.file, found.key, found.word) == ("templates/enquiry_service_ended-1.md", key, word)
        assert (found.line, found.nearest) == (line, nearest or "enquiry_service_answer")
    assert problems(only="section23") == []


def test_a_wrong_key_in_the_head_of_a_letter_is_one_sentence(
    lettered: Callable[[str, str, str], int], team: Team
) -> None:
    lettered("enquiry_service_ended-1.md", "called_for", "caled_for")
    said = sendflow("check", "enquiry", env=at(team))
    assert said.exit_code == 1 and "pydantic" not in said.stderr
    assert "A letter cannot be read: enquiry_service_ended-1.md" in said.stderr and "Nearest: called_for" in said.stderr
