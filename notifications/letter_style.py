"""Colours, type and widths of letters: for the shapes of layout.py and the table of letter_table.py."""

WIDTH = 76  # columns of the plain text
INK, QUIET, LINE, WASH, BAR = "#1d2328", "#4a545c", "#c9d0d6", "#f2f5f7", "#1f5f8b"
FONT = "font-family:Arial,Helvetica,sans-serif"
