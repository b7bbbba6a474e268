"""Streaming replicas behind a pool: which statements they may answer, and which of them answer now."""
