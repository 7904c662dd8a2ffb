"""Agencies of the US government, a file each, and when their figures come out."""
