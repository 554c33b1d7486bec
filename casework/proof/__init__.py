"""The transparency log: every fact and change as a numbered leaf, under checkpoints that are signed."""
