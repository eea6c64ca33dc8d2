"""Builds the image of a service and runs its compose file, on an engine of its own."""
