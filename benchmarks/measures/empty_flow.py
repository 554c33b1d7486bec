"""An empty flow, and a process that serves it as Prefect serves a deployment: what Prefect itself takes. `python -m
benchmarks.measures.empty_flow`.
"""

from prefect import flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.types.entrypoint import EntrypointType


@flow(name="empty")
async def empty() -> None:
    """Nothing at all."""


if __name__ == "__main__":
    # By module, so that a run's process finds it again under this name.
    from benchmarks.measures.empty_flow import empty as by_name

    deployment = by_name.to_deployment(name="empty", entrypoint_type=EntrypointType.MODULE_PATH)
    assert isinstance(deployment, RunnerDeployment)  # outside of a running loop it is no coroutine
    serve(deployment, pause_on_shutdown=False, print_starting_message=False)
