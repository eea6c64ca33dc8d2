"""Figures for what the template promises, each against a bar."""
