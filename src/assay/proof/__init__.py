"""Proofs: what a statement takes and returns, and whether the code agrees."""

from assay.proof.describe import describe
from assay.proof.description import Column, Description, NullUse, Parameter, RowBound

__all__ = ["Column", "Description", "NullUse", "Parameter", "RowBound", "describe"]
