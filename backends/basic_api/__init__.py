"""Basic API: users over REST, and how a service is tested with its database."""
