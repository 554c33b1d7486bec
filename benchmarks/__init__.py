"""How fast the house is, against the rawest way of doing the same and against what others reach. `make bench`, or
`python -m benchmarks`.
"""
