"""Uses each operation on tasks through the client that openapi-python-client has made.

Usage: python tasks.py ADDRESS
"""

import sys

from service_client import AuthenticatedClient, Client
from service_client.api.auth import log_in, read_me, register
from service_client.api.tasks import create_task, delete_task, list_tasks, read_task, update_task
from service_client.models import (
    BodyLogIn,
    ListTasksSort,
    Problem,
    TaskCreate,
    TaskPublic,
    TaskUpdate,
    Token,
    UserCreate,
    UserPublic,
)

EMAIL, PASSWORD = "ada@example.com", "correct horse"

address = sys.argv[1]
anonymous = Client(address, raise_on_unexpected_status=True)

user = register.sync(client=anonymous, body=UserCreate(email=EMAIL, password=PASSWORD))
assert isinstance(user, UserPublic), user
token = log_in.sync(client=anonymous, body=BodyLogIn(username=EMAIL, password=PASSWORD))
assert isinstance(token, Token), token

client = AuthenticatedClient(address, token.access_token, raise_on_unexpected_status=True)
assert read_me.sync(client=client) == user

milk = create_task.sync(client=client, body=TaskCreate(title="Buy milk"))
bread = create_task.sync(client=client, body=TaskCreate(title="Buy bread"))
assert isinstance(milk, TaskPublic), milk
assert read_task.sync(milk.id, client=client) == milk
done = update_task.sync(milk.id, client=client, body=TaskUpdate(done=True))
assert isinstance(done, TaskPublic), done
assert done.done

newest_first = list_tasks.sync_detailed(client=client, sort=ListTasksSort.VALUE_1, limit=1)
assert newest_first.parsed == [bread]
assert newest_first.headers["X-Total-Count"] == "2"
assert list_tasks.sync(client=client, done=True) == [done]

assert delete_task.sync_detailed(milk.id, client=client).status_code == 204
problem = read_task.sync(milk.id, client=client)
assert isinstance(problem, Problem), problem
assert problem.detail == "There is no such task."
