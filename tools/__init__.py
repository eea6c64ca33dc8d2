"""Measures the template and reports on it; imports the library, but no tests."""
