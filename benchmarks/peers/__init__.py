"""The peers: other people's engines on the same work as ours, each as its own documentation would have it used.

eventsourcing is in our own process, as a goal is measured against it. Every other has an environment of its own
(`hiring.py`) and a process of its own there, one file a peer, which reads its orders line by line (`work.py`): what a
peer needs never becomes a dependency of sendflow.
"""
