"""Signed checkpoints: the standard's own example, both signatures, and every changed character."""

from __future__ import annotations

import pytest

from models.signed_note import (
    COSIGNATURE,
    ED25519,
    ML_DSA,
    Checkpoint,
    NoteError,
    SigningKey,
    parse_note,
    parse_signing_key,
    parse_verifier_key,
    sign,
    verified,
)

# From the text of C2SP signed-note: the key and the note of its example.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYN"
    "ZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
HEAD = Checkpoint("sendflow-test", 12, bytes(range(32)))
KEYS = [SigningKey("sendflow-test", ED25519, b"a" * 32), SigningKey("sendflow-test", ML_DSA, b"b" * 32)]
NEIGHBOUR = SigningKey("witness.example/w1", COSIGNATURE, b"c" * 32)
NOTE = sign(HEAD, KEYS, 1_700_000_000)


def test_the_example_of_the_standard_verifies() -> None:
    with pytest.raises(NoteError, match="a checkpoint has an origin"):  # verified, and then it is no checkpoint
        verified(EXAMPLE, [parse_verifier_key(EXAMPLE_KEY)])
    with pytest.raises(NoteError, match="does not verify"):
        verified(EXAMPLE.replace("example message", "other message"), [parse_verifier_key(EXAMPLE_KEY)])


def test_both_signatures_verify_by_themselves_and_together() -> None:
    public = [key.public() for key in KEYS]
    assert verified(NOTE, public) == (HEAD, public)
    assert verified(NOTE, public[:1])[1] == public[:1]
    assert verified(NOTE, public[1:])[1] == public[1:]


@pytest.mark.parametrize("old", ["12\n", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "sendflow-test\n12"])
def test_a_changed_text_does_not_verify(old: str) -> None:
    other = {"12\n": "13\n", "sendflow-test\n12": "sendflow-tesu\n12"}.get(old, old.replace("AAEC", "AAED"))
    assert old in NOTE
    for key in KEYS:
        with pytest.raises(NoteError):
            verified(NOTE.replace(old, other, 1), [key.public()])


def test_a_cosignature_names_its_instant_and_verifies() -> None:
    line = NEIGHBOUR.line(HEAD.text(), 1_700_000_100)
    assert verified(NOTE + line, [NEIGHBOUR.public()]) == (HEAD, [NEIGHBOUR.public()])
    with pytest.raises(NoteError, match="no signature of a known key"):
        verified(NOTE, [NEIGHBOUR.public()])


@pytest.mark.parametrize("key", [*KEYS, NEIGHBOUR])
def test_keys_are_read_as_they_are_written_and_a_changed_one_is_refused(key: SigningKey) -> None:
    assert parse_signing_key(key.private_text()) == key
    text = str(key.public())
    assert parse_verifier_key(text) == key.public()
    for wrong in (text[:-6] + "AAAAAA", text.replace("+", "-"), "", text.split("+")[0]):
        with pytest.raises(NoteError):
            parse_verifier_key(wrong)
    assert "seed" not in repr(key) and key.seed.decode() not in repr(key) + str(key)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "a\n\nb\n", NOTE[:-1], NOTE.replace("\u2014", "-"), "x" * 200_000, NOTE + NOTE[-90:] * 3]
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_note(text)
