"""The statements of RealityCam, one module a table."""
