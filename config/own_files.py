"""The files that an installation may put in the place of shipped ones: names and readers.

Purpose: `sendflow check`, the doctor and the backup go by one list. A new file of this kind is one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from config.directory import load_directory
from config.escalation_policy import DEFAULT, load_escalation_policy
from config.law_watch import load_law_watch
from config.local_standards import STANDARDS
from config.purposes import load_purposes
from config.retention import load_retention
from config.toml_reader import ConfigFault, own_file
from config.tracker_columns import load_columns
from config.transports import load_transports

# By its name in SENDFLOW_HOME: the reader of this file, or of the shipped one without it.
OWN_FILES: Mapping[str, Callable[[Path | None], object]] = {
    "directory.toml": load_directory,
    "ladder.toml": lambda own: load_escalation_policy(own or DEFAULT),
    "tracker.toml": load_columns,
    "retention.toml": load_retention,
    "purposes.toml": load_purposes,
    "law_watch.toml": load_law_watch,
    "transports.toml": load_transports,
    **{each.name: each.load for each in STANDARDS.values()},
}


def unreadable(home: Path | None, *left_out: str) -> Iterator[ConfigFault]:
    """Each file that its reader refuses: the own one where there is one, else the shipped one."""
    for name, load in OWN_FILES.items():
        if name not in left_out:
            try:
                load(own_file(home, name) if home is not None else None)
            except ConfigFault as fault:
                yield fault
