"""The active rule set: statute, calendar, escalation policy and machines, and pages that explain them."""
