"""Read-only answers: one case, worklists, letters, a joint review."""
