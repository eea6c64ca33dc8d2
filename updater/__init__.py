"""Runs the tasks `template-check`, `template-diff` and `template-update` of a service.

A service has only `template_tasks.py`, which clones the template, checks out its newest release
and runs this folder: `python CLONE/updater ARGUMENTS`, with the service as the working directory.
So it needs nothing but Python 3.11, git and uv, and reads the releases from the clone it lies in.
"""
