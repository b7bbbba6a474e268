"""What ``assay demo`` shows: five backends from an empty server to proofs and answers, and a mistake that is caught."""
