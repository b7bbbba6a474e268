"""The statements of erc8004, one module a table."""
