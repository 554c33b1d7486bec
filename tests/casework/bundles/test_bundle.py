"""A bundle: the same bytes each time, verified by three programs, and no changed byte passes."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casework.access.seen import as_seen_by
from casework.bundles import chronology, verifier
from casework.bundles.build import CannotBundle, Identity, Wanted, bundle
from casework.bundles.cohort import cohort
from casework.privacy.case_looks import looks_at
from casework.proof import keys as log_keys
from casework.proof.report import log_report
from casework.proof.sequencer import sequence
from models.database import reading
from models.visibility import hidden_processes
from tests.audit.test_findings import command
from tests.support.by_hand import SALT, TRUST
from tests.support.team import Team

CASE, OTHER, DAY = "NX90001", "NX90002", "24 Mar 2026"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Team, bytes, str]:
    """An installation with a sent letter, the bundle of a case, and the key of the log."""
    team = Team(tmp_path_factory.mktemp("bundles") / "var")
    for case in (CASE, OTHER):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number="999 000 0018")
    team.asked("2 Mar 2026", SALT, body=TRUST, note="The parents rang.")
    for today in ("2 Mar 2026", "23 Mar 2026", DAY):
        team.day(today)
    data = bundle(team.context(DAY), CASE, "dco.team").data
    with reading(team.first.engine) as connection:
        key = str(log_keys.known_keys(connection)[0])
    return team, data, key


@pytest.fixture(scope="module")
def several(made: tuple[Team, bytes, str]) -> bytes:
    """The bundle of both cases."""
    return cohort(made[0].context(DAY), [CASE, OTHER], "dco.team", Wanted("inspection"))[0]


def test_it_verifies_and_says_what_it_proved(made: tuple[Team, bytes, str]) -> None:
    team, data, key = made
    found = verifier.verify(data, key)
    assert (found.case, found.facts, found.letters) == (CASE, len(team.lines(CASE)), 2)
    assert verifier.verify(data) == found


def test_the_same_case_and_checkpoint_give_the_same_bytes(made: tuple[Team, bytes, str]) -> None:
    team, data, _key = made
    assert bundle(team.context(DAY), CASE, "dco.team").data == data
    number = int(re.search(rb"\ncheckpoint ([0-9]+)\n", data)[1])  # type: ignore[index]
    assert sequence(team.context("25 Mar 2026")).added > 0  # the looks, at least
    assert bundle(team.context("25 Mar 2026"), CASE, "dco.team", checkpoint=number).data == data
    with pytest.raises(CannotBundle):
        bundle(team.context(DAY), CASE, "dco.team", checkpoint=99)


def test_it_is_a_zip_that_every_program_opens_and_names_no_person(made: tuple[Team, bytes, str]) -> None:
    _team, data, _key = made
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == sorted(names) and {"facts.jsonl", "verify.py", "verify.html", "chronology.html"} <= set(names)
        assert "<script" not in archive.read("chronology.html").decode()
        law = json.loads(archive.read("law.json"))
        assert any("2014" in json.dumps(rule) for rule in law["rules"])
    for secret in (b"9990000018", b"999 000 0018", b"parents rang", b"PRIVATE+KEY"):
        assert secret not in data


def test_the_look_is_logged_and_a_person_is_named_only_with_a_purpose(made: tuple[Team, bytes, str]) -> None:
    team, _data, key = made
    context = team.context(DAY)
    named = bundle(context, CASE, "dco.team", Identity("outside_body")).data
    files = verifier.unpack(named)
    assert json.loads(files["identity.json"])["nhs_number"] == "999 000 0018"
    assert verifier.verify(named, key).case == CASE
    looks = looks_at(context, CASE)
    assert {"bundle", "identity"} <= {each.what for each in looks}


def other_pythons(minors: range = range(9, 16)) -> list[str]:
    """Other versions of Python that are installed on this machine."""
    named = [Path("/usr/bin") / f"python3.{minor}" for minor in minors]
    for minor in minors:
        named += sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python"))
    return [str(each) for each in named if each.exists() and each.resolve() != Path(sys.executable).resolve()]


def test_the_program_in_the_bundle_runs_alone_in_an_empty_environment(
    made: tuple[Team, bytes, str], tmp_path: Path
) -> None:
    _team, data, key = made
    (tmp_path / "b.zip").write_bytes(data)
    (tmp_path / "verify.py").write_bytes(verifier.unpack(data)["verify.py"])
    for python in [sys.executable, *other_pythons()]:
        words = [python, "-I", "-S", "verify.py", "b.zip", "--key", key]
        done = subprocess.run(words, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout.startswith(f"VERIFIED. Case {CASE}")) == (0, True), done
        assert sorted(each.name for each in tmp_path.iterdir()) == ["b.zip", "verify.py"]


def test_an_older_python_says_which_one_the_program_needs() -> None:
    older = f"import runpy, sys; sys.version_info = (3, 8, 18); runpy.run_path({verifier.__file__!r}, {{}}, '__main__')"
    calls = [
        [sys.executable, "-c", older],
        *([python, verifier.__file__, "b.zip"] for python in other_pythons(range(7, 9))),
    ]
    for words in calls:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "NOT VERIFIED: this program needs Python 3.9 or later. Run it by such a Python.\n"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, to run the script of the page")
def test_the_page_in_the_bundle_verifies_and_refuses_as_the_program_does(
    made: tuple[Team, bytes, str], tmp_path: Path
) -> None:
    _team, data, key = made
    page = verifier.unpack(data)["verify.html"].decode()
    script = page.partition("<script>")[2].partition("</script>")[0]
    assert "default-src 'none'" in page and not re.search(r"https?://|fetch\(|XMLHttp|import\(", page)
    altered = data.replace(b'"kind":"ehc_assessment_requested"', b'"kind":"ehc_assessment_requestee"', 1)
    together, _bundles = cohort(made[0].context(DAY), [CASE, OTHER], "dco.team", Wanted("inspection"))
    (tmp_path / "good.zip").write_bytes(data)
    (tmp_path / "bad.zip").write_bytes(altered)
    (tmp_path / "both.zip").write_bytes(together)
    (tmp_path / "run.js").write_text(
        script
        + "\nconst fs = require('fs');\n(async () => { for (const name of ['good.zip', 'bad.zip', 'both.zip']) try {"
        " const found = await verifyAll(new Uint8Array(fs.readFileSync(name)), process.argv[2]);"
        " console.log(JSON.stringify(found)); } catch (problem) { console.log('NOT: ' + problem.message); } })();\n",
        "utf-8",
    )
    done = subprocess.run(
        ["node", "run.js", key], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    good, bad, both = done.stdout.splitlines()
    found = verifier.verify(data, key)
    assert [(one["facts"], one["letters"]) for one in json.loads(good)] == [(found.facts, found.letters)]
    assert [one["case"] for one in json.loads(both)] == [CASE, OTHER]
    assert bad.startswith("NOT: ")


def test_a_changed_byte_anywhere_is_found(made: tuple[Team, bytes, str]) -> None:
    _team, data, key = made
    chosen = random.Random(7).sample(range(len(data)), 150)
    for place in [*chosen, 0, len(data) - 1]:
        altered = bytearray(data)
        altered[place] ^= 1 << (place % 8)
        with pytest.raises(verifier.BundleError):
            verifier.verify(bytes(altered), key)


@pytest.mark.parametrize(
    ("name", "said"),
    [("facts.jsonl", "facts.jsonl"), ("case.json", "case.json"), ("verify.py", "verify.py"), ("law.json", "law.json")],
)
def test_a_changed_file_is_named_in_a_container_that_was_made_again(
    made: tuple[Team, bytes, str], name: str, said: str
) -> None:
    files = dict(verifier.unpack(made[1]))
    files[name] = files[name].replace(b"e", b"f", 1)
    with pytest.raises(verifier.BundleError, match=said):
        verifier.verify(verifier.pack(files), made[2])


def resigned(files: dict[str, bytes], team: Team) -> bytes:
    """A bundle whose maker holds the log's key and says what is not in the log."""
    from casework.bundles.build import _manifest
    from casework.proof.leaves import newest_checkpoint

    [key, _other] = log_keys.read_keys(team.home) or []
    with reading(team.first.engine) as connection:
        newest = newest_checkpoint(connection)
    assert newest is not None
    rest = {name: data for name, data in files.items() if name != "manifest"}
    return verifier.pack({**rest, "manifest": _manifest(CASE, newest, rest, key, named=False)})


def test_a_last_fact_that_was_left_out_is_found_though_the_manifest_is_signed_again(
    made: tuple[Team, bytes, str],
) -> None:
    team, data, key = made
    files = dict(verifier.unpack(data))
    lines = files["facts.jsonl"].splitlines(keepends=True)
    proofs = json.loads(files["proofs.json"])
    proofs["facts"].pop()
    files |= {"facts.jsonl": b"".join(lines[:-1]), "proofs.json": json.dumps(proofs).encode()}
    with pytest.raises(verifier.BundleError, match="a later one was left out"):
        verifier.verify(resigned(files, team), key)
    files = dict(verifier.unpack(data))
    files["facts.jsonl"] = files["facts.jsonl"].replace(b'"dco.team"', b'"sam.lee"')
    with pytest.raises(verifier.BundleError, match="fact 1 is not in the log"):
        verifier.verify(resigned(files, team), key)


def test_a_letter_with_other_words_is_found_though_the_manifest_is_signed_again(made: tuple[Team, bytes, str]) -> None:
    team, data, key = made
    files = dict(verifier.unpack(data))
    name = min(each for each in files if each.startswith("letters/") and each.endswith(".txt"))
    files[name] += b"More words.\n"
    with pytest.raises(verifier.BundleError, match="not the one that was sent"):
        verifier.verify(resigned(files, team), key)


def test_another_key_does_not_verify(made: tuple[Team, bytes, str]) -> None:
    other = str(log_keys.new_keys("sendflow-other")[0].public())
    with pytest.raises(verifier.BundleError, match="no signature of the key"):
        verifier.verify(made[1], other)
    with pytest.raises(verifier.BundleError, match="verifier key"):
        verifier.verify(made[1], "nothing")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_hostile_bundle_never_passes_and_never_breaks_the_program(
    made: tuple[Team, bytes, str], several: bytes, data: st.DataObject
) -> None:
    """Of one case, and of several."""
    _team, one, key = made
    whole = data.draw(st.sampled_from([one, several]))
    files = dict(verifier.unpack(whole))
    how = data.draw(st.integers(0, 3))
    if how == 0:
        hostile = data.draw(st.binary(max_size=400))
    elif how == 1:
        start = data.draw(st.integers(0, len(whole) - 1))
        hostile = whole[:start] + data.draw(st.binary(max_size=60)) + whole[start + data.draw(st.integers(0, 60)) :]
    else:
        name = data.draw(st.sampled_from(sorted(files)))
        files[name] = data.draw(st.binary(max_size=200)) if how == 2 else files[name][: data.draw(st.integers(0, 300))]
        hostile = verifier.pack(files)
    if hostile != whole:
        with pytest.raises(verifier.BundleError):
            verifier.verify_all(hostile, key)


def test_nesting_sizes_and_names_of_a_hostile_container_are_refused(made: tuple[Team, bytes, str]) -> None:
    team, data, key = made
    files = dict(verifier.unpack(data))
    files["proofs.json"] = b"[" * 200_000
    with pytest.raises(verifier.BundleError):
        verifier.verify(resigned(files, team), key)
    for name in ("../evil", "/etc/passwd", "a/../b", "A.TXT", "a" * 200, ""):
        with pytest.raises(verifier.BundleError):
            verifier.unpack(verifier.pack({name: b"x"}))
    with pytest.raises(verifier.BundleError):
        verifier.unpack(verifier.pack({f"a{number}": b"" for number in range(verifier.MOST_FILES + 1)}))


def test_the_command_writes_a_new_file_and_checks_one(made: tuple[Team, bytes, str], tmp_path: Path) -> None:
    team, _data, key = made
    target = tmp_path / "case.zip"
    done = command(team, DAY, "bundle", CASE, "--actor", "dco.team", "--to", str(target))
    assert (done.exit_code, target.exists()) == (0, True), done.output
    assert command(team, DAY, "bundle", CASE, "--actor", "dco.team", "--to", str(target)).exit_code == 2
    found = json.loads(command(team, DAY, "verify-bundle", str(target), "--key", key, "--json").stdout)
    assert (found["verified"], found["case"]) == (True, CASE)
    target.write_bytes(target.read_bytes().replace(b"A bundle of case", b"A bundle of Case", 1))
    done = command(team, DAY, "verify-bundle", str(target), "--key", key)
    assert (done.exit_code, done.stdout.startswith("NOT VERIFIED: ")) == (1, True)
    assert command(team, DAY, "verify-bundle", str(tmp_path / "none.zip")).exit_code == 2


def streams(pdf: bytes) -> bytes:
    """A PDF with what its compressed streams say."""
    found = [pdf]
    for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with contextlib.suppress(zlib.error):
            found.append(zlib.decompress(part))
    return b"".join(found)


def test_the_chronology_is_an_accessible_pdf_too(made: tuple[Team, bytes, str]) -> None:
    """PDF/UA-1: tagged, in English, with a title and the heads of its tables. typst refuses what is not."""
    _team, data, _key = made
    with zipfile.ZipFile(BytesIO(data)) as archive:
        pdf = streams(archive.read("chronology.pdf"))
    assert pdf.startswith(b"%PDF-1.7")
    for part in (b"/StructTreeRoot", b"/Marked true", b"/Lang(en-GB)", b"/S/Table", b"/S/THead", b"/S/TH", b"/S/H1"):
        assert part in pdf.replace(b" (", b"(").replace(b"/S /", b"/S/"), part
    assert b"pdfuaid:part" in pdf and b"chronology" in pdf


def test_no_text_of_a_case_is_code_of_the_pdf() -> None:
    text = '#panic("x") #read("/etc/hosts") $ * _ ` = <a> @b'
    story = chronology.Chronology(text, [text], [chronology.Table(text, [text], [1], [[text]])])
    assert chronology.as_pdf(story, "2026-03-24T00:00:00Z").startswith(b"%PDF")
    template = files("casework.bundles").joinpath("chronology.typ").read_text("utf-8")
    assert re.findall(r"#import|#include|@preview|read\(|plugin\(|eval\(", template) == []


def test_the_log_of_looks_is_in_it_on_request_and_says_for_whom(made: tuple[Team, bytes, str]) -> None:
    team, _data, key = made
    first = bundle(team.context(DAY), CASE, "dco.team", wanted=Wanted("ombudsman"))
    assert sequence(team.context("26 Mar 2026")).added > 0
    given = bundle(team.context("26 Mar 2026"), CASE, "dco.team", wanted=Wanted("court", looks=True))
    with zipfile.ZipFile(BytesIO(first.data)) as archive:
        assert "looks.json" not in archive.namelist()
    with zipfile.ZipFile(BytesIO(given.data)) as archive:
        looks = json.loads(archive.read("looks.json"))
    assert "bundle_ombudsman" in {look["what"] for look in looks}
    assert {tuple(sorted(look)) for look in looks} == {("actor", "at", "what")}
    assert looks_at(team.context(DAY), CASE)[0].what == "bundle_court"
    assert verifier.verify(given.data, key).case == CASE


def test_a_cohort_is_one_file_of_which_each_case_verifies(made: tuple[Team, bytes, str]) -> None:
    """In the order of reference, by one checkpoint; the same cases give the same bytes."""
    team, _data, key = made
    data, bundles = cohort(team.context(DAY), [OTHER, CASE], "dco.team", Wanted("inspection"))
    assert [one.case_ref for one in bundles] == [CASE, OTHER]
    assert len({one.checkpoint for one in bundles}) == 1
    found = verifier.verify_all(data, key)
    assert [(one.case, one.facts) for one in found] == [(one.case_ref, one.facts) for one in bundles]
    assert cohort(team.context(DAY), [CASE, OTHER], "dco.team", Wanted("inspection"))[0] == data
    for ref in (CASE, OTHER):
        assert "bundle_inspection" in {look.what for look in looks_at(team.context(DAY), ref)}
    with pytest.raises(CannotBundle, match="1 to 500 cases"):
        cohort(team.context(DAY), [], "dco.team", Wanted("inspection"))


def test_a_cohort_without_a_case_or_with_a_changed_byte_does_not_verify(made: tuple[Team, bytes, str]) -> None:
    team, _data, key = made
    data, _bundles = cohort(team.context(DAY), [CASE, OTHER], "dco.team", Wanted("audit"))
    files = verifier.unpack(data)
    without = {name: each for name, each in files.items() if name != f"cases/{OTHER}.zip"}
    more = files | {"cases/NX90009.zip": files[f"cases/{CASE}.zip"]}
    swapped = files | {f"cases/{OTHER}.zip": files[f"cases/{CASE}.zip"]}
    for wrong in (without, more, swapped):
        with pytest.raises(verifier.BundleError):
            verifier.verify_all(verifier.pack(wrong), key)
    chance = random.Random(17)
    for place in (0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(40))):
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        with pytest.raises(verifier.BundleError):
            verifier.verify_all(bytes(changed), key)


def test_a_bundle_verifies_where_there_are_cases_that_its_maker_may_not_know_of(team: Team) -> None:
    """The list of ends has them, before the case and after it, and a proof of it names none."""
    referred: dict[str, Any] = {"how": "form", "referred_to": "multi_agency_hub", "parents_informed": "yes"}
    team.record("2 Feb 2026", "ehc_assessment_requested", case=CASE, la="northshire", nhs_number="999 000 0018")
    for hidden in ("SR00042", "SR00043"):
        team.record("3 Feb 2026", "safeguarding_referral_made", case=hidden, la="northshire", **referred)
    context = as_seen_by(team.context(DAY), "dco.team")
    assert hidden_processes(context.engine)
    data = bundle(context, CASE, "dco.team").data
    assert b"SR0004" not in data
    with reading(team.first.engine) as connection:
        key = str(log_keys.known_keys(connection)[0])
    assert verifier.verify(data, key).facts == 1
    several = cohort(context, [CASE], "dco.team", Wanted("inspection"))[0]
    assert b"SR0004" not in several
    assert [each.facts for each in verifier.verify_all(several, key)] == [1]
    looks = log_report(context).unsigned
    assert looks == log_report(team.context(DAY)).unsigned == 2, "each bundle is a look"
    team.record(DAY, "safeguarding_referral_made", case="SR00044", la="northshire", **referred)
    assert looks <= log_report(context).unsigned < log_report(team.context(DAY)).unsigned


def test_the_chronology_says_days_in_words_and_no_code_of_a_confidential_text(made: tuple[Team, bytes, str]) -> None:
    with zipfile.ZipFile(BytesIO(made[1])) as archive:
        page, facts = archive.read("chronology.html").decode(), archive.read("facts.jsonl").decode()
    stored = re.search(r"w[0-9a-f]{20}\.[0-9a-f]{64}", facts)
    assert stored is not None and stored[0] not in page
    assert "note: words, which are not in this file" in page
    assert "opened_seq" in facts and "opened seq" not in page
    assert "due: 13 April 2026" in page and "2026-04-13" not in page
    assert "as known on 24 March 2026 at 09:00 UTC" in page
    assert '<td data-head="Day">2 February 2026</td>' in page
