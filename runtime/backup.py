"""One backup of an installation: the records without their data keys, the newest data keys, the keys of the machine.

`deploy/backup FOLDER` runs it. With `--encrypt-to CERTIFICATE` the backup is one archive, encrypted to the public key
of that certificate (CMS, AES-256); only who has the private key, on another machine, opens it. With `--try` it is
restored into a scratch place, from the very bytes that were written: they are encrypted to a second key, too, which
exists only in the memory of this process and for as long as the trial takes. docs/operate/backup.md says how to
restore.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from sqlalchemy.engine import make_url

from audit.verify import verify
from casework.context import AppContext, instant
from casework.job_runs import BACKUP, RESTORE_TRIAL, record_job_run
from casework.privacy.stored_keys import restore_keys, stored_keys
from config.own_files import OWN_FILES
from config.settings import Settings
from models.database import open_engine, reading, writing
from models.errors import SendflowError
from runtime.local_postgres import LocalPostgres, binaries

OWN_FOLDERS = ("law", "law_held.json")
KEYS, KEY_FILES = "data_keys.json", ("person.key", "log.key")
PART = 32 * 1024 * 1024  # bytes of the archive in one encrypted file
MANIFEST = "manifest.cms"
AS_IT_IS = [pkcs7.PKCS7Options.Binary]


class BackupFailed(SendflowError, RuntimeError):
    """The backup was not made, or cannot be restored. The text says why."""

    default_code = "backup_failed"


class Recipient:
    """A certificate to which a backup is encrypted; of the trial's own key, the private key, too."""

    def __init__(self, certificate: x509.Certificate, key: rsa.RSAPrivateKey | None = None) -> None:
        self.certificate, self.key = certificate, key

    @classmethod
    def read(cls, file: Path) -> Recipient:
        """Raises BackupFailed where the file is no certificate of an RSA key."""
        try:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
        except (OSError, ValueError):
            raise BackupFailed(
                f"{file.name} is no certificate in PEM form. To make one with its key, on another machine: openssl req"
                " -x509 -newkey rsa:4096 -keyout backup.key -out backup.pem -days 3650 -subj /CN=backup"
            ) from None
        if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
            raise BackupFailed(f"{file.name} is not of an RSA key, which CMS needs here: openssl req -newkey rsa:4096")
        return cls(certificate)

    @classmethod
    def of_this_process(cls) -> Recipient:
        """A key that no file has, for the trial."""
        key = rsa.generate_private_key(65537, 3072)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trial")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        dated = (
            made.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + timedelta(1))
        )
        return cls(dated.sign(key, hashes.SHA256()), key)


class _Parts(io.RawIOBase):
    """Takes the bytes of an archive and writes them as encrypted files of at most PART bytes."""

    def __init__(self, folder: Path, recipients: list[Recipient]) -> None:
        self._folder, self._recipients = folder, recipients
        self._waiting = bytearray()
        self.parts: list[dict[str, Any]] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        while len(self._waiting) >= PART:
            self._put(bytes(self._waiting[:PART]))
            del self._waiting[:PART]
        return len(data)

    def finish(self) -> None:
        """Write the rest, and the list of the parts with their digests."""
        self._put(bytes(self._waiting))
        self._waiting.clear()
        _encrypt(orjson.dumps(self.parts), self._folder / MANIFEST, self._recipients)

    def _put(self, data: bytes) -> None:
        name = f"archive.{len(self.parts) + 1:05d}.cms"
        _encrypt(data, self._folder / name, self._recipients)
        self.parts.append({"name": name, "bytes": len(data), "sha256": sha256(data).hexdigest()})


def _encrypt(data: bytes, file: Path, recipients: list[Recipient]) -> None:
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(data).set_content_encryption_algorithm(AES256)
    for each in recipients:
        builder = builder.add_recipient(each.certificate)
    file.write_bytes(builder.encrypt(serialization.Encoding.DER, AS_IT_IS))


def _decrypt(file: Path, recipient: Recipient) -> bytes:
    assert recipient.key is not None
    try:
        return pkcs7.pkcs7_decrypt_der(file.read_bytes(), recipient.certificate, recipient.key, [])
    except (OSError, ValueError):
        raise BackupFailed(f"{file.name} cannot be decrypted: it was altered, or is for another key") from None


def open_archive(folder: Path, recipient: Recipient, to: Path) -> None:
    """Decrypt a backup into a folder. Raises BackupFailed where a part is missing, altered or of another backup."""
    parts = orjson.loads(_decrypt(folder / MANIFEST, recipient))

    def plain() -> Iterator[bytes]:
        for each in parts:
            data = _decrypt(folder / each["name"], recipient)
            if sha256(data).hexdigest() != each["sha256"]:
                raise BackupFailed(f"{each['name']} is not the part that this backup wrote")
            yield data

    with tarfile.open(fileobj=_Reader(plain()), mode="r|") as archive:
        archive.extractall(to, filter="data")


class _Reader(io.RawIOBase):
    """Gives the bytes of the parts one after another."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._left = parts, b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._left) < size:
            more = next(self._parts, None)
            if more is None:
                break
            self._left += more
        found, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return found


def back_up(settings: Settings, under: Path, encrypt_to: Path | None = None, *, trial: bool = False) -> Path:
    """Make one backup and return its folder, which gets its name once it is complete. Raises BackupFailed.

    The newest data keys replace those of the backup before, so that no older backup is read after an erasure.
    """
    now = datetime.now(UTC)
    whole, part = under / f"{now:%Y%m%dT%H%M%SZ}", under / f".{now:%Y%m%dT%H%M%SZ}.part"
    recipients = [Recipient.read(encrypt_to)] if encrypt_to is not None else []
    if trial and recipients:
        recipients.append(Recipient.of_this_process())
    try:
        plain = part / "plain" if recipients else part
        _copy(settings, plain)
        if not (settings.home / "person.key").exists():
            part.rename(without := under / f"{whole.name}-without-key")
            raise BackupFailed(
                f"{without} holds the records only: there is no person.key in SENDFLOW_HOME. sendflow doctor says what"
                " to do"
            )
        keys = _keys(settings, instant(now))
        if recipients:
            _archive(plain, part, recipients)
        if trial:
            _try(settings, part, plain, keys, recipients[-1] if recipients else None)
        if recipients:
            shutil.rmtree(plain)
        _replace(under / "keys", KEYS, keys)
        part.rename(whole)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _record(settings, whole, trial)
    return whole


def _copy(settings: Settings, to: Path) -> None:
    records, key = to / "records", to / "key"
    for folder in (records, key):
        folder.mkdir(parents=True)
    if settings.database_url is None:
        _copy_sqlite(settings.records, records / "sendflow.db")
    else:
        _dump(settings.owner_url or settings.database_url, records / "sendflow.dump")
    for name in OWN_FILES:
        if (settings.home / name).exists():
            shutil.copy2(settings.home / name, records / name)
    for name in OWN_FOLDERS:
        if (settings.home / name).is_dir():
            shutil.copytree(settings.home / name, records / name)
        elif (settings.home / name).exists():
            shutil.copy2(settings.home / name, records / name)
    for name in KEY_FILES:
        if (settings.home / name).exists():
            shutil.copy2(settings.home / name, key / name)


def _copy_sqlite(records: Path, to: Path) -> None:
    """A consistent copy while others write, with no data key left in any page."""
    if not records.exists():
        raise BackupFailed(
            f"there are no records in SENDFLOW_HOME={records.parent}: set SENDFLOW_HOME, or SENDFLOW_DATABASE_URL, as"
            " the installation has it"
        )
    with closing(sqlite3.connect(f"file:{records}?mode=ro", uri=True)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA secure_delete=ON")
        copy.execute("PRAGMA journal_mode=DELETE")
        if copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'data_key'").fetchone():
            copy.execute("DELETE FROM data_key WHERE subject <> 'older'")
        copy.commit()
        copy.execute("VACUUM")


def _dump(address: str, to: Path) -> None:
    url = make_url(address)
    # The password goes by the environment: a list of processes shows arguments to everybody.
    given: dict[str, Any] = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    given["PGDATABASE"] = url.database
    named = ("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey")
    given |= {f"PG{name.upper()}": value for name, value in url.query.items() if name in named}
    environment = os.environ | {name: str(value) for name, value in given.items() if value}
    words = ["--format=custom", "--exclude-table-data=data_key", f"--file={to}"]
    _run("pg_dump", words, environment)


def _run(program: str, words: list[str], environment: dict[str, str]) -> None:
    found = shutil.which(program) or str((binaries() or Path()) / program)
    try:
        done = subprocess.run([found, *words], env=environment, capture_output=True, text=True, check=False)
    except OSError:
        raise BackupFailed(f"{program} is not installed: install the client programs of PostgreSQL") from None
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if line.strip()), "no reason given")
        raise BackupFailed(f"{program} failed: {said}")


def _keys(settings: Settings, made_at: str) -> bytes:
    engine = open_engine(settings.records_url)
    try:
        with reading(engine) as connection:
            return stored_keys(connection, made_at)
    finally:
        engine.dispose()


def _archive(plain: Path, to: Path, recipients: list[Recipient]) -> None:
    parts = _Parts(to, recipients)
    with tarfile.open(fileobj=parts, mode="w|") as archive:
        archive.add(plain, arcname=".")
    parts.finish()


def _try(settings: Settings, part: Path, plain: Path, keys: bytes, recipient: Recipient | None) -> None:
    """Restore the backup into a scratch place as an operator does, and verify it. Raises BackupFailed."""
    scratch = part / "trial"
    opened, home = scratch / "opened", scratch / "home"
    for folder in (opened, home):
        folder.mkdir(parents=True)
    if recipient is None:
        shutil.copytree(plain, opened, dirs_exist_ok=True, ignore=shutil.ignore_patterns("trial"))
    else:
        open_archive(part, recipient, opened)
    for name in ("records", "key"):
        shutil.copytree(opened / name, home, dirs_exist_ok=True)
    (scratch / KEYS).write_bytes(keys)
    alone = replace(settings, home=home, database_url=None, owner_url=None)
    if settings.database_url is None:
        _verify(alone, scratch / KEYS)
    else:
        _verify_on_a_server(alone, scratch)
    shutil.rmtree(scratch)


def _verify_on_a_server(alone: Settings, scratch: Path) -> None:
    server = LocalPostgres(_scratch_of_a_server())
    try:
        server.make()
        server.start()
        server.database("restored")
        url = server.url("restored", "owner")
        words = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        environment = os.environ | {"PGPASSWORD": server.roles.owner}
        address = make_url(url)
        into = f"postgresql://{address.username}@{address.host}:{address.port}/{address.database}"
        _run("pg_restore", [*words, f"--dbname={into}", str(alone.home / "sendflow.dump")], dict(environment))
        _verify(replace(alone, database_url=url), scratch / KEYS)
    finally:
        server.stop(at_once=True)
        shutil.rmtree(server.folder.parent, ignore_errors=True)


def _scratch_of_a_server() -> Path:
    """A folder that the server's own account may reach, if this is run by root."""
    from tempfile import mkdtemp

    folder = Path(mkdtemp(prefix="sendflow-trial-"))
    folder.chmod(0o711)
    return folder / "server"


def _verify(settings: Settings, keys: Path) -> None:
    restore_keys(settings, keys)
    context = AppContext.load_read_only(settings)
    try:
        report = verify(context)
    finally:
        context.engine.dispose()
    if not report.intact:
        raise BackupFailed(
            f"the backup was restored, and verification finds {len(report.damage)} differences in it: sendflow verify"
            " says whether the records themselves are altered"
        )


def _replace(folder: Path, name: str, content: bytes) -> None:
    """Write the newest keys in one step, so that a lost server leaves the ones before or these."""
    folder.mkdir(exist_ok=True, mode=0o700)
    fresh = folder / f".{name}.new"
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / name)


def _record(settings: Settings, whole: Path, trial: bool) -> None:
    """Note in the database that there is a backup, for the doctor and the metrics."""
    size = sum(each.stat().st_size for each in whole.rglob("*") if each.is_file())
    context = AppContext.load_existing(settings)
    try:
        with writing(context.engine) as connection:
            record_job_run(connection, context, BACKUP, context.today(), "done", f"{size} bytes")
            if trial:
                record_job_run(connection, context, RESTORE_TRIAL, context.today(), "done", "verified")
    finally:
        context.engine.dispose()


def main(given: list[str] | None = None) -> int:
    """Run from the command line; the exit code is 0 for a backup, 1 for one that failed, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="deploy/backup", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the folder of the backups, such as /var/backups/sendflow")
    parser.add_argument("--encrypt-to", type=Path, help="a certificate (PEM) to whose key the backup is encrypted")
    parser.add_argument(
        "--try", dest="trial", action="store_true", help="restore it into a scratch place and verify it"
    )
    asked = parser.parse_args(given)
    os.umask(0o077)
    asked.folder.mkdir(parents=True, exist_ok=True)
    try:
        whole = back_up(Settings.read(), asked.folder, asked.encrypt_to, trial=asked.trial)
    except SendflowError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"{whole}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
