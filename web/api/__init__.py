"""`/api/v1`: the reads and acts of sendflow for other programs, as JSON. Thin: every rule is in the packages below."""
