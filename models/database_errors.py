"""Why a database does not do what it was asked: a word, a sentence and what mends it, and never a word of the server's
own. [reads errors only]

Purpose: who keeps the machine mends a login otherwise than a certificate or a full disk. A server's text quotes names,
rows and addresses, so that it is looked at and not repeated. By SQLSTATE where there is one (PostgreSQL), by SQLite's
own number, and where a connection never came to be by what libpq says of it, which has no number: there a server that
speaks another language than English is known by less.
"""

import re
from typing import NamedTuple


class Cause(NamedTuple):
    """One cause: a word for programs, a sentence without names, and what a person does about it."""

    word: str
    message: str
    mend: str

    @property
    def named(self) -> str:
        """The sentence with its word."""
        return f"{self.message} ({self.word})"

    @property
    def advice(self) -> str:
        """What mends it, as a sentence of its own."""
        return f"{self.mend[0].upper()}{self.mend[1:]}"


_PLACE = "SENDFLOW_DATABASE_URL (and SENDFLOW_DATABASE_OWNER_URL, where it is set)"
_SEE = "see that it runs (systemctl status postgresql) and that the network lets this machine through"
_CAUSES = {
    each.word: each
    for each in (
        Cause(
            "login_refused",
            "the database server refuses the login",
            f"give {_PLACE} the user and the password that the server has",
        ),
        Cause(
            "not_admitted",
            "the database server admits no such login from this machine",
            "see pg_hba.conf on the server: user, database, address and TLS",
        ),
        Cause(
            "no_such_database",
            "the server has no database of that name",
            f"createdb on the server, or correct the name in {_PLACE}",
        ),
        Cause(
            "certificate",
            "nobody vouches for the certificate of the database server, or it has run out",
            f"sslrootcert in {_PLACE} names the file of the authority that issued it; see with openssl s_client"
            " -starttls postgres -connect HOST:PORT",
        ),
        Cause(
            "certificate_file",
            "a certificate or key of the connection to the database is not there or cannot be read",
            f"sslrootcert (sslcert, sslkey) in {_PLACE} names a file that this user may read; a key only by its owner",
        ),
        Cause(
            "certificate_name",
            "the certificate of the database server is for another name",
            f"the host in {_PLACE} is the name in the certificate, as in db.icb.example, and not a number or an alias",
        ),
        Cause(
            "no_tls",
            "the database server offers no TLS",
            "switch ssl on at the server (postgresql.conf), with a certificate for its name",
        ),
        Cause(
            "connection_refused",
            "no database server listens at that address",
            f"{_SEE}; the host and port stand in {_PLACE}",
        ),
        Cause("timeout", "the database server did not answer in time", _SEE),
        Cause(
            "unknown_host",
            "no machine of the database server's name is known",
            f"correct the host in {_PLACE}; see with getent hosts HOST",
        ),
        Cause("unreachable", "the network knows no way to the database server", _SEE),
        Cause("closed", "the database server closed the connection", f"{_SEE}; its own log says why"),
        Cause(
            "starting",
            "the database server is starting, stopping or recovering",
            "wait for it; its own log says how far it is",
        ),
        Cause(
            "read_only",
            "the database takes no writes: it is a standby or set to read only",
            f"{_PLACE} names the server that writes",
        ),
        Cause("disk_full", "the disk of the database is full", "make room on it; nothing else has to be done"),
        Cause(
            "no_memory", "the database server has no memory left", "see its own log; give it more, or fewer connections"
        ),
        Cause(
            "too_many_connections",
            "the database server has as many connections as it takes",
            "raise max_connections on the server, or the role's limit",
        ),
        Cause(
            "not_permitted",
            "the role may not do that",
            "sendflow migrate with SENDFLOW_DATABASE_OWNER_URL set gives the application's role its rights",
        ),
        Cause(
            "locked",
            "somebody else holds the records for longer than half a minute",
            "see what else works on them; then do it again",
        ),
        Cause(
            "damaged",
            "the database says that its own files are damaged",
            "keep them as they are; restore the last backup that verifies (docs/operate/backup.md)",
        ),
        Cause(
            "not_a_database",
            "the file of the records is damaged so far that the database cannot read it, or it is no such file",
            "keep it as it is, and restore the last backup into a folder of its own (docs/operate/backup.md)",
        ),
        Cause(
            "unwritable",
            "this user may not write to the records",
            "sendflow.db and its folder belong to the user that the house runs as",
        ),
        Cause(
            "cannot_open",
            "the file of the records cannot be opened",
            "SENDFLOW_HOME names the folder of the house; this user may enter and write to it",
        ),
        Cause(
            "disk_faulty", "the disk failed to read or write", "see the machine's own log (dmesg); then sendflow verify"
        ),
        Cause(
            "wrong_option",
            "the address of the database has an option that it does not know",
            f"correct what stands behind the ? in {_PLACE}",
        ),
    )
}

IOERR_SHMSIZE = 4874  # the file that readers share could not grow: said of a disk without any room
_BY_STATE = {
    "28P01": "login_refused",
    "28000": "login_refused",
    "3D000": "no_such_database",
    "53100": "disk_full",
    "53200": "no_memory",
    "53300": "too_many_connections",
    "57P01": "closed",
    "57P02": "closed",
    "57P03": "starting",
    "25006": "read_only",
    "42501": "not_permitted",
    "55P03": "locked",
    "58030": "disk_faulty",
    "XX001": "damaged",
    "XX002": "damaged",
}
_BY_NUMBER = {
    3: "unwritable",
    5: "locked",
    6: "locked",
    8: "unwritable",
    10: "disk_faulty",
    11: "damaged",
    13: "disk_full",
    14: "cannot_open",
    26: "not_a_database",
}
# Looked for in this order, in a text from which everything in quotation marks is gone: a database may have any name.
_BY_TEXT = [
    (re.compile(pattern, re.IGNORECASE), word)
    for pattern, word in (
        (r"does not match host name", "certificate_name"),
        (r"(certificate|private key) file .*(does not exist|permission|access)", "certificate_file"),
        (r"could not (read|load|open|get home).*(certificate|private key|home directory)", "certificate_file"),
        (r"certificate verify failed|certificate.*(expired|unknown ca|revoked)", "certificate"),
        (r"server does not support SSL", "no_tls"),
        (r"no pg_hba\.conf entry|pg_hba\.conf rejects", "not_admitted"),
        (
            (
                r"authentication failed|no password supplied|role \S* ?does not exist|is not permitted to log"
                r" in|authentication method"
            ),
            "login_refused",
        ),
        (r"permission denied for database", "not_permitted"),
        (r"database \S* ?does not exist", "no_such_database"),
        (r"too many clients|too many connections|connection slots are reserved", "too_many_connections"),
        (r"database system is|not yet accepting connections", "starting"),
        (r"connection refused|is the server running locally", "connection_refused"),
        (r"timeout|timed out", "timeout"),
        (
            (
                r"failed to resolve host|could not translate host|name or service not known|name resolution|nodename"
                r" nor servname"
            ),
            "unknown_host",
        ),
        (r"no route to host|network is unreachable", "unreachable"),
        (r"invalid connection option|invalid URI query parameter|invalid .* value:|missing .= after", "wrong_option"),
        (
            (
                r"closed the connection|connection (is|was) (lost|closed)|connection not open|terminating"
                r" connection|reset by peer|broken pipe"
            ),
            "closed",
        ),
        (r"EOF detected|SSL SYSCALL", "closed"),
        (r"no space left on device", "disk_full"),
    )
]


def cause(fault: BaseException) -> Cause | None:
    """Why a database's error came, as far as it can be told; None where it cannot, or where it is no database's."""
    own = getattr(fault, "orig", None) or fault
    word: str | None = None
    if (number := getattr(own, "sqlite_errorcode", None)) is not None:
        word = "disk_full" if number == IOERR_SHMSIZE else _BY_NUMBER.get(int(number) & 0xFF)
    elif type(own).__module__.partition(".")[0] == "psycopg":
        state = getattr(own, "sqlstate", None)
        word = _BY_STATE.get(state) if state else _by_text(str(own))
    return _CAUSES[word] if word else None


def _by_text(said: str) -> str | None:
    said = re.sub(r'"[^"]*"', '""', said)
    return next((word for pattern, word in _BY_TEXT if pattern.search(said)), None)
