"""What the product does: record facts, sweep duties, import trackers, compose and deliver letters, report. Free of
Prefect, terminals and HTTP.
"""
