"""Invented data for a first start."""
