"""Proofs: what a statement takes and returns, and whether the code agrees."""
