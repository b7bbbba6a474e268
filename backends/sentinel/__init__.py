"""Sentinel: simulations and prover runs of Move contracts, kept by project, with API keys for tools."""
