"""Lists of a time or of days to come: what panels did, approvals of packages, what of packages ends soon."""
