"""Who may come in: one-time sign-in links and the sessions that they open, for every surface of an installation."""
