"""Candles: the frame, the sources, the store, and collecting what is missing."""
