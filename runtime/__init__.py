"""Processes of an installation: start, supervise, schedule, watch, diagnose."""
