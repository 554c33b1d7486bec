"""A hostile bundle never passes, never holds the verifier up, and makes it write nothing and open no connection.

Its maker signs it with a key of his own, which is in the bundle, so that the verifier reads everything that it has.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
import zipfile
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files as package_files
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.bundles import verifier
from casework.proof import keys as log_keys
from models.merkle import leaf_hash, root_by_inclusion
from models.signed_note import Checkpoint, sign
from tests.casework.bundles.test_bundle import other_pythons
from tests.support.examples import examples

SECONDS = 60  # on a machine that does other work too
KEYS = log_keys.new_keys("evil.example/log")
KEY = str(KEYS[0].public())
MANY_DIGITS = b"9" * 3_000_000


def signed(files: dict[str, bytes], about: tuple[str, ...] = ("case NX90001",)) -> bytes:
    """A bundle with these files, in the container and under the signature that a bundle has."""
    files = {"key.txt": f"{KEY}\n".encode(), **files}
    lines = [verifier.FIRST, *about, *(f"{sha256(files[name]).hexdigest()} {name}" for name in sorted(files))]
    text = "\n".join(lines) + "\n"
    return verifier.pack({**files, "manifest": (text + "\n" + KEYS[0].line(text, 0)).encode()})


def whole(**changed: bytes) -> dict[str, bytes]:
    """The files of a bundle of one fact, which verifies with the key in it, but for those that are changed."""
    fact = '{"case_ref":"NX90001","seq":1}'
    digest = sha256(("0" * 64 + fact).encode()).hexdigest()
    ends = leaf_hash(f"NX90001 1 {digest}".encode())
    first, last = f"fact NX90001 1 {digest}", f"checkpoint 2026-02-02T09:00:00.000000Z 1 {ends.hex()}"
    hashes = [leaf_hash(first.encode()), leaf_hash(last.encode())]
    root = sha256(b"\1" + hashes[0] + hashes[1]).digest()
    path = [[b64encode(each).decode()] for each in hashes[::-1]]
    proofs = {
        "facts": [{"index": 0, "path": path[0]}],
        "checkpoint": {"leaf": last, "index": 1, "path": path[1]},
        "end": {"index": 0, "path": []},
    }
    note = sign(Checkpoint(KEYS[0].name, 2, root), KEYS[:1], 0)
    files = {"facts.jsonl": f"{fact}\n", "checkpoint": note, "proofs.json": json.dumps(proofs)}
    return {name: text.encode() for name, text in files.items()} | {
        name.replace("_", "."): data for name, data in changed.items()
    }


def test_the_bundle_that_is_made_hostile_verifies_as_it_is() -> None:
    assert verifier.verify(signed(whole())).facts == 1


HOSTILE = {
    "an index of millions of digits": whole(proofs_json=b'{"facts":[{"index":' + MANY_DIGITS + b',"path":[]}]}'),
    "a negative index": whole(proofs_json=b'{"facts":[{"index":-' + MANY_DIGITS + b',"path":[]}]}'),
    "a number in a fact": whole(facts_jsonl=b'{"case_ref":"NX90001","seq":1,"x":' + MANY_DIGITS + b"}\n"),
    "deep lists": whole(proofs_json=b"[" * 2_000_000),
    "deep objects": whole(proofs_json=b'{"facts":' * 400_000),
    "a deep fact": whole(facts_jsonl=b'{"a":' * 400_000 + b"\n"),
    "a million facts": whole(facts_jsonl=b'{"case_ref":"NX90001","seq":1}\n' * 1_000_000),
    "a long proof": whole(proofs_json=b'{"facts":[{"index":0,"path":[' + b'"AAAA",' * 500_000 + b'"AAAA"]}]}'),
    "proofs of another kind": whole(proofs_json=b'{"facts":{"0":1},"checkpoint":7,"end":null}'),
    "no proofs": whole(proofs_json=b'{"facts":[]}'),
    "infinity": whole(proofs_json=b'{"facts":[{"index":Infinity,"path":[]}]}'),
    "a text that is not UTF-8": whole(facts_jsonl=b"\xff\xfe\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_time(name: str) -> None:
    began = time.monotonic()
    with pytest.raises(verifier.BundleError):
        verifier.verify_all(signed(HOSTILE[name]))
    assert time.monotonic() - began < SECONDS


def test_a_checkpoint_of_millions_of_digits_is_refused_in_time() -> None:
    text = f"{KEYS[0].name}\n{MANY_DIGITS.decode()}\n{b64encode(b'r' * 32).decode()}\n"
    note = (text + "\n" + KEYS[0].line(text, 0)).encode()
    began = time.monotonic()
    with pytest.raises(verifier.BundleError, match="18 digits"):
        verifier.verify_all(signed(whole(checkpoint=note)))
    assert time.monotonic() - began < SECONDS


def test_a_thousand_signatures_are_refused_in_time() -> None:
    text = f"{KEYS[0].name}\n2\n{b64encode(b'r' * 32).decode()}\n"
    line = KEYS[0].line(text, 0)
    other = line[:-8] + ("A" if line[-8] != "A" else "B") + line[-7:]
    began = time.monotonic()
    with pytest.raises(verifier.BundleError):
        verifier.verify_all(signed(whole(checkpoint=(text + "\n" + other * 1_000 + line).encode())))
    assert time.monotonic() - began < SECONDS


def zipped(*names: str, packed: bool = True, data: bytes = b"x") -> bytes:
    """What the zip library makes of some names."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name in names:
            file.writestr(name, data)
    return target.getvalue()


def overlapping() -> bytes:
    """Two entries of the list whose content is one place of the file."""
    data = bytearray(verifier.pack({"a": b"x" * 1000, "b": b"y"}))
    second = data.rindex(b"PK\1\2")
    struct.pack_into("<I", data, second + 42, 0)
    return bytes(data)


CONTAINERS = {
    "a zip bomb": zipped("manifest", data=b"0" * 50_000_000),
    "a name that leaves the folder": zipped("../../evil", packed=False),
    "an absolute name": zipped("/etc/passwd", packed=False),
    "a name of another system": zipped("C:\\evil.txt", packed=False),
    "one name twice": verifier.pack({"a": b"x"})[:32] * 2,
    "overlapping entries": overlapping(),
    "a size beyond the file": b"PK\3\4"
    + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, 0, 2**32 - 1, 2**32 - 1, 1, 0)
    + b"a",
    "a comment at the end": verifier.pack({"a": b"x"}) + b"comment",
    "a file before": b"#!/bin/sh\n" + verifier.pack({"a": b"x"}),
    "nothing": b"",
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_that_is_not_of_a_bundle_is_refused(name: str) -> None:
    with pytest.raises(verifier.BundleError):
        verifier.verify_all(CONTAINERS[name])


WATCH = """
import os, runpy, sys

def refuse(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        os._exit(9)
    if event.split(".")[0] in ("socket", "subprocess", "shutil", "ctypes") or event in (
        "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.system", "os.exec", "os.fork", "os.link", "os.symlink"
    ):
        os._exit(9)

sys.dont_write_bytecode = True
sys.argv = ["verify.py", "b.zip"]
for folder in sorted(os.listdir(".")):
    child = os.fork()
    if child:
        print(folder, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.chdir(folder)
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)  # what it says, whose end the parent prints
    sys.addaudithook(refuse)
    code = 0
    try:
        runpy.run_path("verify.py", run_name="__main__")
    except SystemExit as ended:
        code = ended.code or 0
    os._exit(code)
"""


@pytest.mark.parametrize("python", [sys.executable, *other_pythons()])
def test_the_program_writes_nothing_and_connects_to_nothing(python: str, tmp_path: Path) -> None:
    """In an empty environment, without packages, whichever Python; each attempt to write would end it with code 9."""
    program = package_files("casework.bundles").joinpath("verifier.py").read_bytes()
    given_ = [(signed(whole()), 0), *((signed(files), 1) for files in HOSTILE.values())]
    given_ += [(data, 1) for data in CONTAINERS.values()]
    expected = {f"{number:03}": code for number, (_data, code) in enumerate(given_)}
    for number, (data, _code) in enumerate(given_):
        folder = tmp_path / f"{number:03}"
        folder.mkdir()
        (folder / "verify.py").write_bytes(program)
        (folder / "b.zip").write_bytes(data)
    words = [python, "-I", "-S", "-c", WATCH]
    done = subprocess.run(words, cwd=tmp_path, env={}, capture_output=True, timeout=4 * SECONDS, check=False)
    ends = {name: int(code) for name, code in map(str.split, done.stdout.decode().splitlines())}
    assert (done.returncode, done.stderr, ends) == (0, b"", expected), (python, done)
    for folder in tmp_path.iterdir():
        assert sorted(each.name for each in folder.iterdir()) == ["b.zip", "verify.py"]


@settings(max_examples=300, deadline=None)
@given(
    st.integers(-2, 70),
    st.integers(0, 70),
    st.binary(max_size=8),
    st.lists(st.binary(min_size=32, max_size=32), max_size=9),
)
def test_the_verifier_and_the_program_agree_on_every_proof(
    index: int, size: int, leaf: bytes, path: list[bytes]
) -> None:
    assert verifier.included_root(index, size, leaf, path) == root_by_inclusion(index, size, leaf_hash(leaf), path)


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_proofs_of_any_other_content_are_refused_though_they_are_signed(data: st.DataObject) -> None:
    """Any JSON in the place of the proofs: nothing but the true proofs passes."""
    value = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["index", "path", "leaf"]), inner),
        max_leaves=8,
    )
    proofs = json.loads(whole()["proofs.json"])
    proofs[data.draw(st.sampled_from(["facts", "checkpoint", "end"]))] = data.draw(value)
    with pytest.raises(verifier.BundleError):
        verifier.verify(signed(whole(proofs_json=json.dumps(proofs).encode())))
