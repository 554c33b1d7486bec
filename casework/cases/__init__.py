"""One case: load its history, validate and append facts, propagate them to linked cases, write projections."""
