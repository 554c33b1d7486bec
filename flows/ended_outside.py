"""The end of a run whose process cannot say it: it was killed, cancelled, or left by a machine that stopped. [I/O]

Purpose: who opens such a run reads in the first line of its log what happened and what is needed, as in every other.
Prefect shows the message of a state under Details only.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.objects import FlowRun, State


async def show_end(client: PrefectClient, run: FlowRun, state: State[Any]) -> None:
    """Set the state of a run, also where another one was set, and write its sentence as the first line of the log.

    Raises what the client raises if the server does not take the state.
    """
    await client.set_flow_run_state(run.id, state, force=True)
    level = logging.INFO if state.is_cancelled() else logging.ERROR
    at = run.expected_start_time or datetime.now(UTC)
    line = LogCreate(name="sendflow", level=level, message=str(state.message), timestamp=at, flow_run_id=run.id)
    with suppress(Exception):  # the state says the same
        await client.create_logs([line])
