"""Whether every word that a file of the configuration names exists: fact, rule, letter, party, service, column.

Purpose: a misspelt letter in the escalation policy would leave letters waiting for ever, and a misspelt fact in a
statute file would open no duty, and nobody would notice either. `files` reads the files themselves, so that each
problem has its line. `loaded` is the part that costs nothing: it compares what was loaded, and reads the files only for
the sentence of an error.
"""
