"""Streaming replicas behind a pool of threads: what waits for them; what decides is shared with the async surface."""
