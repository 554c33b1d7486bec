"""THE RECORDS: facts, the rows they are kept in, and the only door to the fact table."""
