"""Bundles: one case in one file that anybody can verify."""
