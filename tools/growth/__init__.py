"""Proves that services stay green as they grow, and red where a feature is done wrong."""
