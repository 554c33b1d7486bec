"""Import a tracker: cells, rows, sheets; comparison with the record; recording."""
