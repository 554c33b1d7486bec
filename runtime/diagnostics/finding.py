"""One finding of `sendflow doctor`: a problem that a person must repair."""

from pydantic import BaseModel, ConfigDict

MOST_CASES = 10  # references that one finding names


class Finding(BaseModel):
    """A problem for a person to repair: a word for programs, a sentence, how many, some references, and what to do."""

    model_config = ConfigDict(frozen=True)
    what: str
    message: str
    mend: str
    count: int = 1
    cases: list[str] = []
