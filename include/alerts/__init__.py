"""Telling people: failures become rows first, then messages."""
