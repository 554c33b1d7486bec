"""Make one file of several cases, such as those that an inspection chose: the bundle of each, by one checkpoint.

Each bundle in it verifies by itself; the file's manifest, signed too, says which cases it has, so that one that was
left out is missed. The same cases, checkpoint and options give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files as package_files

from casework.bundles import verifier
from casework.bundles.build import Bundle, CannotBundle, Wanted, bundle, cover, signing_keys
from casework.cases.references import find_case
from casework.context import AppContext
from casework.privacy.purposes import check_recipient
from casework.proof.leaves import newest_checkpoint
from models.database import reading

MOST = 500  # cases: the container has at most 4,000 files and 256 MiB
README = """The bundles of {count} cases, made by sendflow, by one signed checkpoint of its log ({at}).

cases/         a bundle of each case, which verifies by itself
manifest       the signed list of the cases and files
verify.html    open it in a browser, without a network, and choose this file
verify.py      python3 verify.py THIS.zip --key KEY

Get KEY from the installation on another way than this file (sendflow log shows it). key.txt is here to compare.
"""


def cohort(context: AppContext, cases: Sequence[str], actor: str, wanted: Wanted) -> tuple[bytes, list[Bundle]]:
    """Make the file of several cases, and their bundles. Each look is logged.

    Raises NoSuchCase, WrongPurpose, or CannotBundle for no case, for too many, or if they are too large together.
    """
    if not 1 <= len(cases) <= MOST:
        raise CannotBundle(f"a cohort has 1 to {MOST} cases, and {len(cases)} were named")
    if wanted.whom is not None:
        check_recipient(context, wanted.whom)
    with reading(context.engine) as connection:
        refs = sorted({find_case(connection, context.cipher, case) for case in cases})
    key = signing_keys(context)[0]
    cover(context, refs)
    with reading(context.engine) as connection:
        checkpoint = newest_checkpoint(connection)
    assert checkpoint is not None, "a case that is covered has a checkpoint"
    newest = checkpoint.number
    made = {ref: bundle(context, ref, actor, checkpoint=newest, wanted=wanted) for ref in refs}
    files = {f"cases/{ref}.zip": one.data for ref, one in made.items()}
    at = next(iter(made.values())).at
    files["readme.txt"] = README.format(count=len(made), at=at).encode()
    files["key.txt"] = f"{key.public()}\n".encode()
    for name, of_package in (("verify.py", "verifier.py"), ("verify.html", "verify.html")):
        files[name] = package_files("casework.bundles").joinpath(of_package).read_bytes()
    lines = [verifier.COHORT, f"cases {' '.join(sorted(made))}", f"checkpoint {newest}", f"at {at}"]
    lines += [f"{sha256(files[name]).hexdigest()} {name}" for name in sorted(files)]
    text = "\n".join(lines) + "\n"
    files[verifier.MANIFEST] = (text + "\n" + key.line(text, 0)).encode()
    data = verifier.pack(files)
    if len(data) > verifier.LARGEST:
        raise CannotBundle(f"the file would have {len(data)} bytes, and at most {verifier.LARGEST} verify: name fewer")
    return data, [made[ref] for ref in sorted(made)]
