"""The name of Prefect's work pool, and the template from which its workers start each run.

The template has no variables: nobody who reaches the interface can give a run another command, folder or environment
through it.
"""

from __future__ import annotations

from typing import Any

POOL = "sendflow"
TEMPLATE: dict[str, Any] = {
    "job_configuration": {
        "command": "python -m prefect.engine",  # named, so that a run's process is of its worker's group
        "env": {},
        "labels": {},
        "name": None,
        "stream_output": True,
        "working_dir": None,
    },
    "variables": {"type": "object", "properties": {}},
}
