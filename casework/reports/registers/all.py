"""Every list of the registers, by its name. A new list of a process is one more line; a register of our own is data."""

from __future__ import annotations

from casework.context import AppContext
from casework.reports.registers.answers import ANSWERS
from casework.reports.registers.entries import own_registers
from casework.reports.registers.grades import GRADES
from casework.reports.registers.local_offer import LOCAL_OFFER
from casework.reports.registers.packages import APPROVALS, DUE
from casework.reports.registers.panels import PANELS
from casework.reports.registers.shape import RegisterList
from casework.reports.registers.support import SUPPORT
from casework.reports.registers.transitions import TRANSITION
from models.errors import SendflowError

OF_PROCESSES = (GRADES, LOCAL_OFFER, SUPPORT, ANSWERS, TRANSITION, PANELS, APPROVALS, DUE)


class UnknownRegister(SendflowError, ValueError):
    """There is no register of that name; the text lists those that there are."""

    default_code = "unknown_register"


def registers(context: AppContext) -> dict[str, RegisterList]:
    """The lists of this installation: its own registers (config/registers.toml) after those of processes."""
    return {each.name: each for each in OF_PROCESSES} | own_registers(context)


def register(context: AppContext, name: str) -> RegisterList:
    """The list of that name. Raises UnknownRegister, which names the lists."""
    known = registers(context)
    if name not in known:
        raise UnknownRegister(f"There is no register of that name. Registers: {', '.join(known)}.")
    return known[name]
