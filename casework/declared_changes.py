"""What adopted rule packs declared of numbers that they changed in force: the law changed, or it had been misread."""

from collections.abc import Iterable, Mapping

from casework.context import AppContext
from casework.rule_packs import Adoption, adoptions, rulesets
from casework.rules.ruleset_guard import Activation

# As `pack.toml` says it, and as a reader of a list does.
WHY = {"law": "the law changed", "misread": "the law was misread", None: "the pack does not say why"}


def with_declarations(context: AppContext) -> list[tuple[Activation, Adoption | None]]:
    """Give every rule set that was active, the newest first, each with the adoption of a pack that made it active."""
    made = {(each.after, each.adopted_at): each for each in adoptions(context)}
    return [(row, made.get((row.looked_under, row.taken_at))) for row in rulesets(context)]


def declared_of(context: AppContext, rule: str) -> list[str]:
    """Say, for each pack that changed a rule in force, who adopted it when, why, and what it changed."""
    return [
        f"{each.adopted_at[:10]}, {each.actor}: {WHY[each.changed]}: {change}"
        for each in adoptions(context)
        for change in _of_rule(each.in_force, rule)
    ]


def _of_rule(changes: Iterable[str], rule: str) -> list[str]:
    return [each for each in changes if each.startswith((f"{rule} from ", f"{rule}: "))]


def as_json(row: Activation, adoption: Adoption | None) -> Mapping[str, object]:
    """A rule set with what its pack declared; `changed` is null where no pack declared anything."""
    changed, in_force = (adoption.changed, adoption.in_force) if adoption is not None else (None, [])
    return {**row._asdict(), "changed": changed, "in_force": in_force}
