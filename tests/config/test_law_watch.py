"""law_watch.toml: every entry has a source, and each rule that it names exists."""

from pathlib import Path

import pytest

from config.law import load_law
from config.law_watch import load_law_watch
from config.toml_reader import ConfigFault


def test_every_rule_that_is_watched_exists() -> None:
    named = {rule for each in load_law_watch().values() for rule in each.rules}
    assert named and named <= load_law().rules.keys()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[watch.Bad-Id]\n",
        '[watch.a]\ntitle = "The Act"\n',
        '[watch.a]\ntitle = "The Act"\nmay_change = "x y z"\nsource = "http://x/"\n',
    ],
    ids=["empty", "id", "nothing said", "no https"],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    own = tmp_path / "law_watch.toml"
    own.write_text(text, "utf-8")
    with pytest.raises(ConfigFault, match=r"law_watch\.toml"):
        load_law_watch(own)
