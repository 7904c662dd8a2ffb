"""Is this data good enough to settle on?"""
