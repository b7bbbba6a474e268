"""Tables and views with their columns, keys and relations, as values for models, diagrams and documents."""
