"""`poe template-check`: is there a newer release, and what changed in it?"""

from updater.releases import is_newest, news_since, tags_of_releases
from updater.service import recorded


def print_news() -> None:
    ours, tags = recorded("_commit").removeprefix("v"), tags_of_releases()
    newest = list(tags)[-1]
    if is_newest(ours, newest):
        print(f"This service is up to date: {ours} is the newest release of its template.")
        return
    print(f"This service is made from {ours}; the newest release of its template is {newest}.\n")
    for section in news_since(ours, tags[newest]):
        print(section)
    print("To update: uv run poe template-update")
