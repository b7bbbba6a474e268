"""What a team does around its database: seeds, backups, statistics."""
