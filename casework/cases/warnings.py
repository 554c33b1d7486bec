"""Requests that went to a body which does not give the service that was asked for, by the directory: said to a person,
and never refused.

Provision: CFA 2014 s31 lets the authority ask any of its partners, and a body that is asked has to answer in time
whoever should have been asked (SEND Regs
2014 reg 8(1)); that it forwards the request, and to whom, is an answer. The directory is the locality's own and may be
behind: it decides no duty.
"""

from casework.cases.unit_of_work import LoadedCase
from config.directory import Directory, DirectoryError
from models.facts import StoredFact


def gives(directory: Directory, body: str, service: str) -> bool:
    """Whether a body gives a service, for any authority; a body that has left the directory is not judged."""
    try:
        return service in directory.body(body).services
    except DirectoryError:
        return True


def misdirected(work: LoadedCase) -> list[str]:
    """A sentence for each body that the facts of this act, not written yet, ask for what it does not give."""
    asks = work.process.asks if work.process is not None else frozenset()
    return [_said(work, line) for line in work.added if line.kind in asks and _is_misdirected(work, line)]


def _is_misdirected(work: LoadedCase, line: StoredFact) -> bool:
    body, service = line.data.get("body"), line.data.get("service")
    return body is not None and service is not None and not gives(work.context.directory, body, service)


def _said(work: LoadedCase, line: StoredFact) -> str:
    directory = work.context.directory
    body, service = str(line.data["body"]), str(line.data["service"])
    other = directory.provider(work.file.la, service) if work.file.la else None
    wrong = (
        f"--data answer=redirected --data redirected_to={other}, and ask {other} anew"
        if other
        else "--data answer=redirected"
    )
    return (
        f"By the directory {directory.body(body).name} gives no {directory.service_name(service)}. The request stands"
        " and its time runs, because whoever is asked has to answer (SEND Regs 2014 reg 8(1)). Should it have gone"
        " elsewhere, record what the body"
        f" answers{f', for example health_advice_answered {wrong}' if line.kind == 'health_advice_requested' else ''};"
        " should the directory be behind, add the service to directory.toml."
    )
