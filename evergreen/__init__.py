"""Renders, checks, installs, runs, serves and updates services.

Tests and tools import it; it imports neither.
"""
