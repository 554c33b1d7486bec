"""The number of inputs that hypothesis tries: few in `make test`, as many as EXAMPLES says in `make fuzz`."""

import os


def examples(sample: int) -> int:
    """Return `sample`, or EXAMPLES if that is more."""
    return max(sample, int(os.environ.get("EXAMPLES") or 0))
