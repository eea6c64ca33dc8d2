"""`poe new-resource`: renders scaffold/ into a service, and registers, migrates and tests it.

A service runs it from the release that it has, by its template_tasks.py.
"""
