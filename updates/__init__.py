"""Updates of services from each release to the working tree, proven with real edits in place."""
