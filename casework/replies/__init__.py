"""Answers of bodies to letters: which are possible, which fact each records, and how a link or a form gives them."""
