"""pyproject.toml declares exactly the packages that the product imports, each with its reason."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

TEXT = (ROOT / "pyproject.toml").read_text("utf-8")
PROJECT = tomllib.loads(TEXT)
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
DECLARED = {str(canonicalize_name(Requirement(line).name)) for line in PROJECT["project"]["dependencies"]}
# Needed at run time but imported by name or by another library.
NOT_IMPORTED = {
    "nhsuk-frontend-jinja": "jinja2 loads its macros by the name of the package",
    "asyncpg": "SQLAlchemy loads it for Prefect's database URL",
    "tzdata": "zoneinfo reads its files",
}


def imported() -> dict[str, set[str]]:
    """Return the third-party modules that the product imports, each with the files that import it."""
    found: dict[str, set[str]] = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - set(PACKAGES):
                found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


def test_the_product_imports_declared_packages_and_declares_imported_ones() -> None:
    distributions = packages_distributions()
    owners = {name: {str(canonicalize_name(owner)) for owner in distributions[name]} for name in imported()}
    undeclared = {name: sorted(imported()[name]) for name, owner in owners.items() if not owner & DECLARED}
    assert undeclared == {}
    assert DECLARED - set().union(*owners.values()) == NOT_IMPORTED.keys()


def test_every_dependency_has_its_reason() -> None:
    """The comment on its line says what it is for."""
    block = TEXT.partition("\ndependencies = [\n")[2].partition("\n]")[0]
    lines = block.splitlines()
    assert len(lines) == len(DECLARED)
    assert [line for line in lines if not re.search(r'",\s+# \S.{5,}', line)] == []
