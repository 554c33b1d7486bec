"""The login of an installation: who may use its Prefect API, health endpoints, web pages and local SMTP server.

Purpose: loopback is not authentication, so that every installation has a login. `SENDFLOW_HOME/auth` holds it in one
line `user:password`, readable by its owner only; `SENDFLOW_AUTH` replaces the file where machines share one server.
Programs send it as HTTP basic authentication. People open a one-time link instead (casework/access/).
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import stat
from pathlib import Path

from config.connection_urls import SettingsError

FILE = "auth"
USER = "sendflow"
LINE = "Authorization"
FORM = re.compile(r"[^:\s]+:\S{8,}")


def basic(login: str | None) -> dict[str, str]:
    """The header by which a program shows its login; none where it has none."""
    return {LINE: f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}


def ensure_login(home: Path) -> str:
    """The login of this installation, made at its first start. Raises SettingsError if the file cannot be used."""
    path = home / FILE
    line = f"{USER}:{secrets.token_urlsafe(24)}\n"
    draft = home / f".{FILE}.{secrets.token_hex(8)}"
    try:
        if not path.is_symlink() and not path.exists():
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # fails if another process was first: its login holds
    except FileExistsError:
        pass
    except OSError as problem:
        raise SettingsError(f"{path} cannot be written ({problem.strerror}): the login of this installation") from None
    finally:
        draft.unlink(missing_ok=True)
    login = read_login(home)
    if login is None:
        raise SettingsError(f"{path} is missing and could not be made: it holds the login of this installation")
    return login


def read_login(home: Path) -> str | None:
    """The login in SENDFLOW_HOME/auth; None where there is none yet.

    Raises SettingsError for a link, a file that others may read, or a line that is no login.
    """
    path = home / FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise SettingsError(
            f"{path} cannot be read ({problem.strerror}): it must be a file of this account, and no link"
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SettingsError(f"{path} must be a file of this account, and it is none: delete it, and make up makes it")
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        if os.fstat(descriptor).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(
                f"{path} can be read by other accounts: run chmod 600 {path}, and then change the login"
            )
        line = file.read(1000).strip()
    if not FORM.fullmatch(line):
        raise SettingsError(f"{path} is not one line user:password (password of 8 characters or more): delete it")
    return line
