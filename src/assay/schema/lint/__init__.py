"""What pending migrations would do to a live system, measured on scratch databases."""
