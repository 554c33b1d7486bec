"""The database: facts, the tables that hold them, and the only code that writes to the fact table."""
