"""The app that the server of the pages mounts at `/api/v1`, and its description in OpenAPI 3.1."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.telemetry import TelemetryConfig
from starlette.responses import Response

from web.api.acts import ACTS
from web.api.calls import Installed
from web.api.own import OWN
from web.api.problems import ProblemDetail, add_handlers
from web.api.reads import READS

PATH = "/api/v1"
LARGEST = 262_144  # bytes of a body
# No program of ours reports calls to another one: an error that it reports would quote what was sent.
SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
PROBLEM = {"model": ProblemDetail, "content": {"application/problem+json": {}}}
ALWAYS: dict[int | str, dict[str, Any]] = {
    status: {**PROBLEM, "description": text}
    for status, text in {
        400: "The request cannot be read.",
        401: "No token, or none that is open.",
        403: "The token has no right to this.",
        404: "There is none, or none that a program may see.",
        409: "It cannot be so: it contradicts what is recorded.",
        412: "The case has changed since it was read.",
        422: "Something is missing or not in the form expected.",
        429: "Too many calls: wait as long as Retry-After says.",
        503: "Not now: try again.",
    }.items()
}
ABOUT = (
    "Cases, duties, letters and answers of an installation, for other programs. A token acts as an account. Days are"
    " days in London, instants are UTC. An act has an Idempotency-Key; a list goes on by its cursor."
)


def create_api(installation: Installed | None) -> FastAPI:
    """Make the app of an installation. Without one it can only be described."""
    app = FastAPI(
        telemetry=SILENT,
        title="sendflow",
        version="1",
        description=ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": PATH}],
        root_path_in_servers=False,
        responses=ALWAYS,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.installation = installation
    app.include_router(READS)
    app.include_router(ACTS)
    app.include_router(OWN)
    add_handlers(app)

    @app.get("/openapi.json", include_in_schema=False)
    def describe(_request: Request) -> Response:
        """Give the description, to anybody: it has no case in it."""
        return Response(_description(), media_type="application/json")

    return app


@cache
def _description() -> bytes:
    # Made when it is first asked for: to make it takes half a second, which no start of the pages waits for.
    return json.dumps(described()).encode()


def described() -> dict[str, Any]:
    """The description in OpenAPI 3.1. A problem is `application/problem+json`."""
    document = create_api(None).openapi()
    for path in document["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {})
                if status in map(str, ALWAYS) and "application/json" in content:
                    answer["content"] = {"application/problem+json": content["application/json"]}
    return document
