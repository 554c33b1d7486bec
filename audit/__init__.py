"""Proof: verification of chains, replays, projections, notices and letters."""
