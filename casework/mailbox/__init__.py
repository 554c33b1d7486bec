"""Mail that comes in: read it, say what it is, match it to a letter, record its answer or let a person decide."""
