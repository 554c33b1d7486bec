"""Identity given to `record` without a command line: hidden at the prompt, by standard input or by a private file.

The shell's history and the list of processes show a command line to every account of the machine.
"""

import stat
import sys
from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path

from casework.cases.validation import Refused
from models.identifiers import identifier_in

IDENTITY = ("nhs_number", "date_of_birth", "name")
HIDDEN = "-"
LONGEST_FILE = 20_000
INVENTED = "999"  # the range of numbers that nobody is given
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_file(path: Path) -> list[str]:
    """The key=value lines of a file that only its owner may read. Raises Refused."""
    try:
        with path.open("rb") as file:
            status = path.stat()
            whole = file.read(LONGEST_FILE + 1)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & OTHERS:
            raise _wrong(
                "the file of --data-from may be read by other accounts: nothing was recorded. Make it private, as in"
                " chmod 600 FILE"
            )
        text = whole.decode()
    except (OSError, UnicodeDecodeError):
        raise _wrong(
            "the file of --data-from cannot be read: expected a text file with a line such as body=QX101 for each field"
        ) from None
    if len(whole) > LONGEST_FILE:
        raise _wrong(f"the file of --data-from is longer than {LONGEST_FILE} bytes: nothing was recorded")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def with_hidden_values(pairs: Sequence[str], simulated: Callable[[], bool]) -> list[str]:
    """The pairs of the command line, each `nhs_number=-` with the value that was typed unseen. Raises Refused.

    An identity on the command line is refused, except an invented number in a simulation.
    """
    return [_read(pair, simulated) for pair in pairs]


def _read(pair: str, simulated: Callable[[], bool]) -> str:
    key, equals, value = pair.partition("=")
    field = key.strip()
    if not equals or field not in IDENTITY:
        return pair
    if value.strip() == HIDDEN:
        return f"{field}={_ask(field)}"
    if not simulated():
        raise _wrong(
            f"{field} was given on the command line, where the shell's history and every account of this machine can"
            f" read it. Nothing was recorded. Give --data {field}=- and type it when asked, or put it in a private"
            f" file: --data-from FILE. Delete the line from the shell's history"
        )
    if field == "nhs_number" and identifier_in(value) and not "".join(value.split()).startswith(INVENTED):
        raise _wrong(
            f"this is a simulation, and the nhs_number on its command line may be a real child's. Nothing was recorded."
            f" Use a number that begins with {INVENTED}, for example --data nhs_number=9990000018"
        )
    return pair


def _ask(field: str) -> str:
    if sys.stdin.isatty():
        return getpass(f"{field} (not shown): ").strip()
    line = sys.stdin.readline().strip()
    if not line:
        raise _wrong(
            f"--data {field}=- reads one line of standard input, which has ended. Type it at a terminal, or give a line"
            " for each field in their order"
        )
    return line


def _wrong(message: str) -> Refused:
    return Refused("identity_in_clear", message, wrong_call=True)
