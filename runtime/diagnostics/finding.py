"""What the doctor says: one finding is one thing that a person must mend."""

from pydantic import BaseModel, ConfigDict


class Finding(BaseModel):
    """One thing that a person must mend: a word for programs, a sentence, how many, some references, and what to do."""

    model_config = ConfigDict(frozen=True)
    what: str
    message: str
    mend: str
    count: int = 1
    cases: list[str] = []
