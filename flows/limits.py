"""Global concurrency limits of Prefect: how many deliverers use one mail transport at once, and how many verify.

Purpose: workers on several machines do not open more connections to a mail server than it wants, and two people do not
verify everything at once. A limit is advice: Prefect that does not answer holds up nobody. Who gets no slot leaves the
letters for the next delivery. The server takes back the slot of a process that died when its lease ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency

from casework.steps import VERIFICATION
from config.settings import Carrier, Settings
from config.transports import Limit, transport_rules

LEASE_SECONDS = 60.0  # the shortest that Prefect grants
ASKED_AGAIN = 3  # times; the server says after how many seconds, at most five (config/process_environment.py)
WAITED = 120  # times, by a shard of a verification: where the limit is less than the shards, they take turns


def limit_name(resource: str) -> str:
    """What Prefect calls the limit of a mail transport or of verification."""
    return f"sendflow-{resource}"


def limits(settings: Settings) -> dict[str, int]:
    """Every limit by its name: `at_once` of transports.toml, and one verification for each worker.

    Raises TransportsError or ConfigFault.
    """
    rules = transport_rules(settings)
    wanted = {limit_name(each): rules.limit.get(each, Limit()).at_once for each in Carrier}
    return {**wanted, limit_name(VERIFICATION): max(1, settings.workers)}


async def keep_limits(settings: Settings) -> None:
    """Make the limits, or give those that are there the wanted number. Slots that are taken stay taken."""
    async with get_client() as client:
        for name, most in limits(settings).items():
            await client.upsert_global_concurrency_limit_by_name(name, most)


@contextmanager
def hold(resource: str, asked_again: int = ASKED_AGAIN) -> Iterator[bool]:
    """Hold a slot for the block. False if others have all of them; True also if Prefect does not answer."""
    with ExitStack() as stack:
        held = True
        try:
            stack.enter_context(
                concurrency(
                    limit_name(resource),
                    max_retries=asked_again,
                    lease_duration=LEASE_SECONDS,
                    raise_on_lease_renewal_failure=False,
                )
            )
        except Exception as problem:
            held = not _is_taken(problem)
        try:
            yield held
        finally:
            with suppress(Exception):  # a slot that cannot be given back ends with its lease
                stack.close()


def _is_taken(problem: Exception) -> bool:
    response = getattr(problem.__cause__, "response", None)
    return getattr(response, "status_code", None) == HTTPStatus.LOCKED
