"""What ``assay check --fix`` does: findings mended in the code itself."""
