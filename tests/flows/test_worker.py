"""The worker's words about runs whose process was killed."""

from typing import Any

import pytest

from flows.worker import name_of


@pytest.mark.parametrize(
    ("flow", "given", "name"),
    [
        ("sweep", {"as_at": "2026-04-14"}, "sweep 14 Apr 2026"),
        ("sweep", {"as_at": "2026-04-14", "part": "1/2"}, "sweep 14 Apr 2026, part 1 of 2"),
        ("deliver", {"now": True}, "deliver now"),
        ("deliver", {}, "deliver"),  # killed before its flow filled in what was not given
        ("verify", {"case": "NX00042"}, "verify NX00042"),
        ("another's flow", {}, "another's flow"),
    ],
)
def test_a_run_has_the_name_that_its_own_process_would_have_given_it(
    flow: str, given: dict[str, Any], name: str
) -> None:
    assert name_of(flow, given) == name
