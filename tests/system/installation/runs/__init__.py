"""Tests of what one Prefect server shows. A folder of the installation's tests is one unit of a parallel run."""
