"""Five services on Assay, one folder each, and what they share in ``common``."""
