"""Tests of one installation in real processes. A folder of the installation's tests is one unit of a parallel run."""
