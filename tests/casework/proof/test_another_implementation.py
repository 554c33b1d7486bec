"""tlog-scales, a library of others for C2SP logs, reads our checkpoints, tiles and proofs, and refuses altered ones."""

from __future__ import annotations

import json
import zipfile
from base64 import b64decode
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import NoteSignature, Vkey, VkeySet
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint, ConsistencyProof, InclusionProof, InclusionProofInvalid

from casework.bundles.build import bundle
from casework.proof import keys as log_keys
from casework.proof.leaves import checkpoints, texts, tree
from casework.proof.published_log import FOLDER
from casework.proof.sequencer import sequence
from models.change_log import insert_logged
from models.database import reading, writing
from models.tables import CASE_LOOK
from tests.support.team import Team
from tools.witness import Witness

CASE, DAY, LATER = "NX90001", "3 Feb 2026", "4 Feb 2026"
LEAVES = 600  # more than two tiles


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A log of three tiles, with two checkpoints."""
    team = Team(tmp_path_factory.mktemp("other") / "var")
    team.record("2 Feb 2026", "ehc_assessment_requested", case=CASE, la="northshire")
    sequence(team.context(DAY))
    row = {"case_ref": CASE, "actor": "dco.team", "what": "case", "at": "2026-02-03T09:00:00.000000Z"}
    with writing(team.first.engine) as connection:
        insert_logged(connection, CASE_LOOK, [row] * LEAVES, row["at"])
    sequence(team.context(LATER))
    return team


def reader(team: Team) -> tuple[TilesReader, Checkpoint]:
    tiles = TilesReader(LocalBackend(team.home / FOLDER))
    return tiles, tiles.get_checkpoint()


def keys(team: Team) -> list[Vkey]:
    with reading(team.first.engine) as connection:
        return [Vkey.from_string(str(key)) for key in log_keys.known_keys(connection)]


def test_it_verifies_both_signatures_of_a_checkpoint(lived: Team) -> None:
    _tiles, checkpoint = reader(lived)
    ours = keys(lived)
    assert [key.sig_type for key in ours] == [1, 6]  # Ed25519 and ML-DSA-44
    assert {key.sig_type for key, _line in VkeySet(*ours).verify(checkpoint.signatures, checkpoint)} == {1, 6}
    for key in ours:
        checkpoint.verify(key)


def test_it_refuses_a_checkpoint_with_another_size(lived: Team) -> None:
    lines = (lived.home / FOLDER / "checkpoint").read_text("utf-8").split("\n")
    lines[1] = str(int(lines[1]) + 1)
    altered = Checkpoint.from_text("\n".join(lines))
    assert VkeySet(*keys(lived)).verify(altered.signatures, altered) == set()


def test_it_calculates_the_root_from_our_tiles_and_reads_our_leaves(lived: Team) -> None:
    tiles, checkpoint = reader(lived)
    assert checkpoint.size > LEAVES
    assert tiles.calculate_root_hash() == checkpoint.root_hash
    with reading(lived.first.engine) as connection:
        for index in (0, 255, 256, 511, 512, checkpoint.size - 1):
            assert tiles.get_entry(index).decode() == texts(connection, index, index + 1)[0]


def test_its_proofs_are_ours_and_each_verifies_the_other(lived: Team) -> None:
    tiles, checkpoint = reader(lived)
    with reading(lived.first.engine) as connection:
        ours, earlier = tree(connection), checkpoints(connection)[0]
        for index in (0, 255, 256, 300, checkpoint.size - 1):
            path = ours.inclusion(index, checkpoint.size)
            assert tiles.get_inclusion_proof(index, checkpoint.size).node_hashes == path
            (leaf,) = texts(connection, index, index + 1)
            InclusionProof(index, checkpoint.size, path).check(leaf_hash(leaf.encode()), checkpoint.root_hash)
        proof = ours.consistency(earlier.size, checkpoint.size)
    assert tiles.get_consistency_proof(earlier.size, checkpoint.size).node_hashes == proof
    first = earlier.checkpoint().root
    ConsistencyProof(earlier.size, checkpoint.size, proof).check(first, checkpoint.root_hash)


def test_it_verifies_a_bundle_and_no_altered_fact(lived: Team) -> None:
    data = bundle(lived.context(LATER), CASE, "dco.team").data
    with zipfile.ZipFile(BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    checkpoint = Checkpoint.from_text(files["checkpoint"].decode())
    checkpoint.verify(Vkey.from_string(files["key.txt"].decode().strip()))
    previous = "0" * 64
    for line, given in zip(files["facts.jsonl"].splitlines(), json.loads(files["proofs.json"])["facts"], strict=True):
        previous = sha256(previous.encode() + line).hexdigest()
        fact = json.loads(line)
        leaf = f"fact {CASE} {fact['seq']} {previous}".encode()
        proof = InclusionProof(given["index"], checkpoint.size, [b64decode(each) for each in given["path"]])
        proof.check(leaf_hash(leaf), checkpoint.root_hash)
        with pytest.raises(InclusionProofInvalid):
            proof.check(leaf_hash(leaf + b"0"), checkpoint.root_hash)


def test_it_verifies_the_signatures_of_our_witness(lived: Team, tmp_path: Path) -> None:
    """The witness program signs by C2SP tlog-cosignature, with Ed25519 and with ML-DSA-44."""
    _tiles, checkpoint = reader(lived)
    with reading(lived.first.engine) as connection:
        witness = Witness(tmp_path / "w", "witness.example/w1", log_keys.known_keys(connection))
    answer = witness.add_checkpoint(f"old 0\n\n{(lived.home / FOLDER / 'checkpoint').read_text('utf-8')}")
    assert answer.status == 200
    lines = [NoteSignature.from_line(line) for line in answer.body.splitlines()]
    theirs = [Vkey.from_string(str(key.public())) for key in witness.keys]
    assert {key.sig_type for key, _line in VkeySet(*theirs).verify(lines, checkpoint)} == {4, 6}
