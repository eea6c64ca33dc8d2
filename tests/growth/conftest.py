collect_ignore = ["features"]
