"""The Message-ID of an e-mail: its id, and a tag that nobody else can write. Pure.

The id of an e-mail follows from its day and its mailbox, so that anybody can work it out. The tag is a keyed digest of
the id: a mail that names it comes from somebody who has the e-mail. The database has a Message-ID without its tag, and
the tag is put in as the e-mail leaves, so that no page, list, bundle or backup shows one (decision 273). An e-mail that
is sent again has the same tag. The key is derived from person.key, as that of the links is.
"""

import re
from collections.abc import Collection
from hmac import compare_digest

from models.encryption import Cipher

LENGTH = 20  # hex digits: 80 bits, which a stranger can only guess by sending mails
OURS = re.compile(
    rf"<?([0-9a-z-]{{1,64}})(?:\.([0-9a-f]{{{LENGTH}}}))?\.sendflow@([A-Za-z0-9.-]{{1,253}}[A-Za-z0-9])>?"
)


def message_id(letter_id: str, reply_to: str) -> str:
    """The Message-ID of an e-mail as it is stored, without a tag. It depends on the id and the domain alone."""
    return f"<{letter_id}.sendflow@{reply_to.rpartition('@')[2]}>"


def tag_of(cipher: Cipher, letter_id: str) -> str:
    """The tag of an e-mail."""
    return cipher.index("message id", letter_id)[:LENGTH]


def as_it_leaves(cipher: Cipher, letter_id: str, stored: str) -> str:
    """The Message-ID with which an e-mail leaves, at every attempt."""
    return stored.replace(".sendflow@", f".{tag_of(cipher, letter_id)}.sendflow@", 1)


def as_it_is_stored(given: str) -> str:
    """A Message-ID of ours without its tag; any other text as it is."""
    found = OURS.fullmatch(given)
    return f"<{found[1]}.sendflow@{found[3]}>" if found is not None else given


def with_right_tag(cipher: Cipher, given: Collection[str]) -> list[str]:
    """Of some Message-IDs those of ours whose tag is right, as they are stored."""
    right = []
    for each in given:
        found = OURS.fullmatch(each)
        if found is not None and found[2] is not None and compare_digest(found[2], tag_of(cipher, found[1])):
            right.append(as_it_is_stored(each))
    return right
