"""Prefect: runs the jobs of casework and audit and shows them. The only package that imports Prefect."""
