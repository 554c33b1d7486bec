"""How many inputs hypothesis tries: a sample in `make test`, as many as are asked for in `make fuzz`."""

import os


def examples(sample: int) -> int:
    """`sample`, or EXAMPLES where that is more."""
    return max(sample, int(os.environ.get("EXAMPLES") or 0))
