"""What the platform stands on, a file each: its own parts, and services of others."""
