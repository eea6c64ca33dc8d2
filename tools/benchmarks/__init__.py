"""Measures what the template promises, each figure against a bar."""
