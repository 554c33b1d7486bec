"""One Prefect server, which shows the runs of several installations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.prefect_server import PrefectServer


@pytest.fixture(scope="package")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server behind sendflow's gate, in the folder of an installation without cases."""
    made = PrefectServer(tmp_path_factory.mktemp("prefect") / "var")
    try:
        yield made.started()
    finally:
        made.stop()
