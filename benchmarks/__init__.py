"""How fast sendflow is, against the least work that does the same and against other libraries.

Run `make bench` or `python -m benchmarks`.
"""
