"""`poe template-check`: is there a newer release, and what changed in it?"""

from updater.releases import find, newest_release, news_since, yanked
from updater.service import Service
from updater.versions import is_older


def print_news(service: Service) -> None:
    ours, newest = service.recorded("_commit").removeprefix("v"), newest_release()
    found = find(ours)
    if found and found.commit == newest.commit:
        print(f"This service is up to date: {newest.name} is the newest release of its template.")
        return
    made_from = f"This service is made from {ours}"
    is_behind = True
    if ours in yanked():
        made_from += ", which was withdrawn"
    elif found is None:
        made_from += ", which its template does not have any more"
    elif is_older(newest.name, ours):
        made_from += ", which is newer"
        is_behind = False
    print(f"{made_from}; the newest release of its template is {newest.name}.")
    if is_behind:
        print()
        for section in news_since(ours, newest.name):
            print(section)
        to = f" --to {newest.name}" if is_older(newest.name, ours) else ""
        print(f"To update: uv run poe template-update{to}")
