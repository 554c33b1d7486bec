"""Runs the command at a real terminal (a pseudo-terminal), and answers what it asks."""

import os
import pty
import sys
from collections.abc import Iterable, Mapping


def at_terminal(words: Iterable[str], env: Mapping[str, str], *answers: tuple[str, str]) -> tuple[int, str]:
    """Run `sendflow` with these words. Each answer is typed once its prompt is seen. Returns exit code and screen."""
    program = [sys.executable, "-c", "from cli import main; main()", *words]
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, program, {**os.environ, **env})
    seen = b""
    for prompt, answer in answers:
        before = len(seen)
        while prompt.encode() not in seen[before:]:
            seen += os.read(terminal, 1024)
        os.write(terminal, f"{answer}\n".encode())
    try:
        while more := os.read(terminal, 1024):
            seen += more
    except OSError:  # the terminal is closed with the program
        pass
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode().replace("\r\n", "\n")
