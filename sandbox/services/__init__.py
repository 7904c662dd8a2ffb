"""The imitated services, one vendor a file."""
