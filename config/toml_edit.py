"""Changes values of a TOML text, and nothing else in it: comments, order and blanks stay as a person wrote them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tomli
import tomlkit

BY_HAND = "the file cannot be changed here without changing something else: change it by hand"


def edited(text: str, put: Callable[[Any], None], refusal: Callable[[str], Exception]) -> str:
    """The text after `put` changed it. `put` gets the document, and then its plain content.

    Raises what `refusal` makes of a sentence where the changed text would not say what the changed content says.
    """
    document, wanted = tomlkit.parse(text), tomli.loads(text)
    put(document)
    put(wanted)
    made = tomlkit.dumps(document)
    if tomli.loads(made) != wanted:
        raise refusal(BY_HAND)
    return made
