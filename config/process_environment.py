"""The environment of this process and of those that it starts: every variable of Prefect, and this installation's own.

Purpose: no profile, dotenv file or variable of the user reaches Prefect, and neither its server, SDK nor UI sends data
to its maker.
"""

from __future__ import annotations

import os
from pathlib import Path

from config.connection_urls import prefect_database
from config.settings import Settings

# Each client of Prefect reads the authorities of certificates, a run makes four, and each takes 30 ms of CPU. Where the
# server is asked without TLS they read this one, whose key nobody has.
NOBODY = Path(__file__).parent / "nobody.pem"


def prefect_environment(settings: Settings, api_url: str | None = None) -> dict[str, str]:
    """Return every variable of Prefect for this installation. `api_url`: the address of a running server."""
    fixed = {
        "PREFECT_HOME": str(settings.prefect_home),
        "PREFECT_PROFILES_PATH": str(settings.prefect_home / "profiles.toml"),
        "PREFECT_API_URL": api_url or settings.api_url or f"{settings.ui_url}/api",
        **prefect_database(
            settings.prefect_database_url or f"sqlite+aiosqlite:///{settings.prefect_home / 'prefect.db'}"
        ),
        "PREFECT_SERVER_API_HOST": settings.bind,
        "PREFECT_SERVER_API_PORT": str(settings.port),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        # Prefect writes to its copy of the UI, and the program's folder is shared and may be read-only.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(settings.prefect_home / "pages"),
        # The pages ask the server that they came from, also where a proxy shows them under another name.
        "PREFECT_UI_API_URL": "/api",
        # The default lets a page of any site that a user visits read this one.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{settings.port},http://localhost:{settings.port}",
        # Three ways home, each closed: the server's heartbeat, the SDK's counting, and the second UI's browser code.
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_LOGGING_LEVEL": settings.log_level,
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_CLI_PROMPT": "false",
        # A run that a person starts is picked up within two seconds; the default of ten looks like a broken button.
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # The records keep what matters; runs are shown for a quarter and then cleared away.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(90 * 24 * 3600),
        # Who holds a slot of a limit is known after a restart, and who waits for one asks again soon.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
        # A server that has gone away must not hold up a person who records a fact.
        "PREFECT_CLIENT_MAX_RETRIES": "2",
    }
    if settings.tls_ca is not None:
        fixed["PREFECT_API_SSL_CERT_FILE"] = str(settings.tls_ca)
    elif fixed["PREFECT_API_URL"].startswith("http:"):
        fixed["PREFECT_API_SSL_CERT_FILE"] = str(NOBODY)
    if settings.auth:
        fixed |= {"PREFECT_SERVER_API_AUTH_STRING": settings.auth, "PREFECT_API_AUTH_STRING": settings.auth}
    return fixed


def fix_prefect_environment(settings: Settings, api_url: str | None = None) -> None:
    """Set the variables of Prefect in this process and remove all others. Call it before prefect is imported."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ.update(prefect_environment(settings, api_url))


def fix_caller_environment(settings: Settings, api_url: str) -> None:
    """Do the same for a command that runs its job as a flow run. If the server stops, one line of sendflow says so."""
    fix_prefect_environment(settings, api_url)
    if settings.log_level != "DEBUG":
        # Its workers log under bare names ("EventsWorker"), which only the root's level reaches.
        quiet = ("PREFECT_LOGGING_LEVEL", "PREFECT_LOGGING_INTERNAL_LEVEL", "PREFECT_LOGGING_ROOT_LEVEL")
        os.environ.update({**dict.fromkeys(quiet, "CRITICAL"), "PREFECT_LOGGING_TO_API_ENABLED": "false"})
    # A person waits for this one: what Prefect does not take at the second try is said, not waited for.
    os.environ.update({"PREFECT_CLIENT_MAX_RETRIES": "1", "PREFECT_API_REQUEST_TIMEOUT": "15"})


def child_environment(settings: Settings, api_url: str | None = None) -> dict[str, str]:
    """Return the environment of a component: the user's variables except those of Prefect, and this installation's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    databases = {
        name: url
        for name, url in (
            ("SENDFLOW_DATABASE_URL", settings.database_url),
            ("SENDFLOW_DATABASE_OWNER_URL", settings.owner_url),
            ("SENDFLOW_PREFECT_DATABASE_URL", settings.prefect_database_url),
        )
        if url is not None
    }
    if settings.metrics_port:
        inherited["SENDFLOW_METRICS_PORT"] = str(settings.metrics_port)
    if settings.web_port:
        inherited["SENDFLOW_WEB_PORT"] = str(settings.web_port)
    return (
        inherited
        | prefect_environment(settings, api_url)
        | databases
        | {
            "SENDFLOW_HOME": str(settings.home),
            "SENDFLOW_PORT": str(settings.port),
        }
    )


__all__ = ["child_environment", "fix_caller_environment", "fix_prefect_environment", "prefect_environment"]
