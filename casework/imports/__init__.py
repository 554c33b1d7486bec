"""Reading a tracker: cells, sheets and rows. Pure but for the opening of the file; it writes nothing and knows no
record.
"""
