"""Letters: compose from the outbox, lease, send, record the outcome; the daily digest."""
