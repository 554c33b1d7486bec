"""The cause of a database error: a word for programs, a sentence, and the fix. [pure]

Purpose: an operator fixes a wrong login, an untrusted certificate and a full disk in different ways. A server's message
quotes names, rows and addresses, so this module examines it and never repeats it. It goes by SQLSTATE on PostgreSQL,
and by SQLite's error number. If a connection fails, libpq gives only a text; in a language other than English, fewer
causes are recognised.
"""

import re
from typing import NamedTuple


class Cause(NamedTuple):
    """One cause: a word for programs, a sentence without names, and the fix."""

    word: str
    message: str
    fix: str

    @property
    def named(self) -> str:
        """The sentence with its word."""
        return f"{self.message} ({self.word})"

    def of_private(self) -> "Cause":
        """The same cause where the database is the installation's own PostgreSQL: no service of the machine has it."""
        return self._replace(fix=_START) if self.fix.startswith(_CHECK) else self

    @property
    def advice(self) -> str:
        """The fix, as a sentence of its own."""
        return f"{self.fix[0].upper()}{self.fix[1:]}"


_PLACE = "SENDFLOW_DATABASE_URL (and SENDFLOW_DATABASE_OWNER_URL, if it is set)"
_CHECK = "check that it runs (systemctl status postgresql) and that the network admits this machine"
_START = "start the installation's own PostgreSQL: make up-postgres"
_CAUSES = {
    each.word: each
    for each in (
        Cause(
            "login_refused",
            "the database server refuses the login",
            f"correct the user and the password in {_PLACE}",
        ),
        Cause(
            "not_admitted",
            "the database server admits no such login from this machine",
            "correct pg_hba.conf on the server: user, database, address and TLS",
        ),
        Cause(
            "no_such_database",
            "the database server has no database with that name",
            f"create it on the server with createdb, or correct the name in {_PLACE}",
        ),
        Cause(
            "certificate",
            "the database server's certificate is not trusted or has expired",
            f"set sslrootcert in {_PLACE} to the file of the authority that issued it; openssl s_client"
            " -starttls postgres -connect HOST:PORT shows the certificate",
        ),
        Cause(
            "certificate_file",
            "a certificate or key file of the database connection is missing or cannot be read",
            f"set sslrootcert (sslcert, sslkey) in {_PLACE} to a file that this user may read; a key only by its owner",
        ),
        Cause(
            "certificate_name",
            "the database server's certificate is for another name",
            f"set the host in {_PLACE} to the name in the certificate, as in db.icb.example, not to a number or an"
            " alias",
        ),
        Cause(
            "no_tls",
            "the database server offers no TLS",
            "set ssl = on at the server (postgresql.conf), with a certificate for its name",
        ),
        Cause(
            "connection_refused",
            "no database server listens at that address",
            f"{_CHECK}; the host and port are in {_PLACE}",
        ),
        Cause("timeout", "the database server did not answer in time", _CHECK),
        Cause(
            "unknown_host",
            "the network does not know the database server's name",
            f"correct the host in {_PLACE}; getent hosts HOST shows whether a name is known",
        ),
        Cause("unreachable", "the network has no route to the database server", _CHECK),
        Cause("closed", "the database server closed the connection", f"{_CHECK}; the server's log gives the reason"),
        Cause(
            "starting",
            "the database server is starting, stopping or recovering",
            "wait until it is ready; the server's log shows its progress",
        ),
        Cause(
            "read_only",
            "the database accepts no writes: it is a standby or set to read only",
            f"set {_PLACE} to the primary server",
        ),
        Cause("disk_full", "the disk of the database is full", "free space on it; sendflow then continues by itself"),
        Cause(
            "no_memory",
            "the database server has no memory left",
            "read the server's log; give it more memory, or fewer connections",
        ),
        Cause(
            "too_many_connections",
            "the database server has reached its limit of connections",
            "raise max_connections on the server, or the role's limit",
        ),
        Cause(
            "not_permitted",
            "the database role may not do that",
            "set SENDFLOW_DATABASE_OWNER_URL and run sendflow migrate, which grants the application's role its rights",
        ),
        Cause(
            "locked",
            "another program has locked the database for more than 30 seconds",
            "find out which program uses it; then try again",
        ),
        Cause(
            "damaged",
            "the database reports that its files are corrupt",
            "do not change the files; restore the last backup that verifies (docs/operate/backup.md)",
        ),
        Cause(
            "not_a_database",
            "the database file is so corrupt that it cannot be read, or it is not a database",
            "do not change the file; restore the last backup into a new folder (docs/operate/backup.md)",
        ),
        Cause(
            "unwritable",
            "this user may not write to the database",
            "give sendflow.db and its folder to the user that sendflow runs as",
        ),
        Cause(
            "cannot_open",
            "the database file cannot be opened",
            "set SENDFLOW_HOME to the installation's folder, and let this user read and write it",
        ),
        Cause(
            "disk_faulty",
            "the disk failed to read or write",
            "read the machine's log (dmesg); then run sendflow verify",
        ),
        Cause(
            "wrong_option",
            "the database address has an option that is not known",
            f"correct the part after the ? in {_PLACE}",
        ),
    )
}

IOERR_SHMSIZE = 4874  # the file that readers share could not grow, because the disk is full
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
# Searched in this order, in a text without its quoted parts, because a database may have any name.
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


# The server does not answer at the moment: what is tried again later may succeed without a person.
_AWAY = frozenset({"connection_refused", "timeout", "unreachable", "closed", "starting"})


def is_away(fault: BaseException) -> bool:
    """Whether the database server stopped, restarts, or cannot be reached at the moment."""
    found = cause(fault)
    return found is not None and found.word in _AWAY


def cause(fault: BaseException) -> Cause | None:
    """Return the cause of a database error; None if it is not known, or if this is no database error."""
    own = getattr(fault, "orig", None) or fault
    word: str | None = None
    if (number := getattr(own, "sqlite_errorcode", None)) is not None:
        word = "disk_full" if number == IOERR_SHMSIZE else _BY_NUMBER.get(int(number) & 0xFF)
    elif type(own).__module__.partition(".")[0] == "psycopg":
        state = getattr(own, "sqlstate", None)
        word = _BY_STATE.get(state) if state else _by_text(str(own))
    return _CAUSES[word] if word else None


def _by_text(message: str) -> str | None:
    unquoted = re.sub(r'"[^"]*"', '""', message)
    return next((word for pattern, word in _BY_TEXT if pattern.search(unquoted)), None)
