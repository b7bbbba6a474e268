"""Tables and views by name, with their columns and keys, as row classes, diagrams and documents show them."""
