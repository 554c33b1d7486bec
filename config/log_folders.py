"""SENDFLOW_LOG_TO: the folders to which the transparency log leaves, besides SENDFLOW_HOME/log."""

import os
from collections.abc import Mapping
from pathlib import Path

from config.connection_urls import SettingsError

NAME = "SENDFLOW_LOG_TO"


def log_folders(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Read the folders; several have a colon between them. Raises SettingsError for one that is no whole path."""
    given = [part for part in (env.get(NAME) or "").split(os.pathsep) if part]
    for part in given:
        if not part.isprintable() or not Path(part).is_absolute():
            raise SettingsError(f"{NAME} names folders by their whole path, as in {NAME}=/mnt/audit/sendflow-log")
    return tuple(map(Path, given))
