"""What a verification found, and how much it compared."""

from pydantic import BaseModel, ConfigDict

from audit.published_head import Compared, PublishedHead


class VerificationFailure(BaseModel):
    """One thing that is altered or missing. `case_ref` and `seq` are None where it is not about one case or fact."""

    model_config = ConfigDict(frozen=True)
    case_ref: str | None
    seq: int | None
    what: str
    message: str


class VerifyReport(BaseModel):
    """`stale` counts cases whose stored duties were not compared, because they were calculated with another rule set;
    the next sweep calculates them again.

    `head` is sha256 over `case_ref seq hash` of each case's last fact recorded before `before`, in order of reference,
    and `change_log number hash` of the newest record of the change log before it. `published` is a head that was given
    to be compared, `against` a comparison with checkpoints that left.
    `open` counts the stored findings that no person has closed, also those of earlier verifications. `understood`
    counts the differences of now that a person has closed as understood; they are not in `damage`.
    `since`: only what was recorded after this instant was compared, and `head` is empty. `resumed`: the instant at
    which an interrupted verification began whose parts this one did not repeat. `macs`: `checked`,
    `not_checked` without person.key, or `not_begun` where an earlier version recorded and nothing was signed since.
    """

    model_config = ConfigDict(frozen=True)
    cases: int
    facts: int
    intact: bool
    head: str
    before: str
    stale: int = 0
    open: int = 0
    understood: int = 0
    damage: list[VerificationFailure]
    published: PublishedHead | None = None
    against: Compared | None = None
    macs: str = ""
    since: str | None = None
    resumed: str | None = None
