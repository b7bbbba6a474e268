"""Whether an expression can be NULL, by rules over the query tree: one small function a kind of node."""
