"""What the five services share: settings, limits, logs, pages, and how failures are answered."""
