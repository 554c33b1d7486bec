"""Notices, the letters made from them, and the transports that send them."""
