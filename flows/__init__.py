"""DOING IT: the only room that opens a transaction; Prefect runs what the acts here do, and shows it."""
