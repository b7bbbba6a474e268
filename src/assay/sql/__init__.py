"""SQL as text: placeholders, optional clauses, statement splitting."""
