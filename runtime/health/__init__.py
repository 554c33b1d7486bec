"""Health endpoints and metrics."""
