"""The suite of a service can fail: every planted defect turns it red."""

from pathlib import Path

import pytest

from evergreen.edits import replace_once
from evergreen.services import run_suite

COMMIT = "    await session.commit()\n"
OWNER = ", Task.owner_id == owner.id"

# The file, the text to replace, which must occur there exactly once, and its replacement.
DEFECTS = {
    "a registration is not committed": (
        "app/auth/service.py",
        "        await session.commit()\n    except",
        "        await session.flush()\n    except",
    ),
    "a new hash is not committed": (
        "app/auth/service.py",
        "        user.password_hash = new_hash\n        await session.commit()\n",
        "        user.password_hash = new_hash\n",
    ),
    "a conflict returns 400": ("app/errors.py", "    status = 409\n", "    status = 400\n"),
    "a 401 has no WWW-Authenticate": (
        "app/errors.py",
        '    headers: ClassVar = {"WWW-Authenticate": "Bearer"}\n',
        "",
    ),
    "a cache may keep a response": ("app/logs.py", '"Cache-Control": "no-store", ', ""),
    "a 500 leaves the connection open": ("app/errors.py", ', "Connection": "close"}', "}"),
    "a failed login is not logged": (
        "app/errors.py",
        "if isinstance(error, UnauthenticatedError):",
        "if False:",
    ),
    "a failed login does not name the user": (
        "app/auth/service.py",
        "raise UnauthenticatedError(WRONG_CREDENTIALS, user.id)",
        "raise UnauthenticatedError(WRONG_CREDENTIALS)",
    ),
    "production shows the documentation": (
        "app/settings.py",
        'return self.environment == "development" if self.api_docs is None',
        "return True if self.api_docs is None",
    ),
    "the settings show the password of the database": (
        "app/db/engine.py",
        "PlainSerializer(str), ",
        "",
    ),
    "production accepts a cheap hash": (
        "app/settings.py",
        "and self.argon2_memory_kib < least",
        "and False",
    ),
    "a new task is not committed": (
        "app/tasks/service.py",
        f"    session.add(task)\n{COMMIT}",
        "    session.add(task)\n    await session.flush()\n",
    ),
    "a change is not committed": (
        "app/tasks/service.py",
        f"        .returning(Task)\n    )\n{COMMIT}",
        "        .returning(Task)\n    )\n",
    ),
    "a deletion is not committed": (
        "app/tasks/service.py",
        f".returning(Task.id)\n    )\n{COMMIT}",
        ".returning(Task.id)\n    )\n",
    ),
    "the list has the tasks of all users": (
        "app/tasks/service.py",
        'return {"owner_id": owner.id, **',
        "return {**",
    ),
    "the total counts the tasks of all users": (
        "app/tasks/service.py",
        "select_from(Task).filter_by(**filters(owner, query))",
        "select_from(Task)",
    ),
    "the total counts the tasks that are filtered out": (
        "app/tasks/service.py",
        "select_from(Task).filter_by(**filters(owner, query))",
        "select_from(Task).filter_by(owner_id=owner.id)",
    ),
    "the newest tasks come in the order of their ids": (
        "app/tasks/service.py",
        "(Task.created_at.desc(), Task.id.desc())",
        "(Task.created_at.desc(), Task.id)",
    ),
    "an amount has as many places as it is sent with": (
        "app/fields.py",
        "value.quantize(Decimal(1).scaleb(-self.places)) + 0",
        "value + 0",
    ),
    "an operation is named after its path": (
        "app/main.py",
        "        generate_unique_id_function=lambda route: route.name,\n",
        "",
    ),
    "no 4XX response is documented": ("app/errors.py", '    "4XX": PROBLEM_RESPONSE,\n', ""),
    "everyone can read a task": (
        "app/tasks/service.py",
        'Task.id == bindparam("task_id"), Task.owner_id == bindparam("owner_id")',
        'Task.id == bindparam("task_id")',
    ),
    "everyone can change a task": (
        "app/tasks/service.py",
        f"update(Task)\n        .where(Task.id == task_id{OWNER})",
        "update(Task)\n        .where(Task.id == task_id)",
    ),
    "everyone can delete a task": (
        "app/tasks/service.py",
        f"delete(Task).where(Task.id == task_id{OWNER})",
        "delete(Task).where(Task.id == task_id)",
    ),
    "a change changes all tasks of its owner": (
        "app/tasks/service.py",
        "update(Task)\n        .where(Task.id == task_id, Task",
        "update(Task)\n        .where(Task",
    ),
    "a deletion deletes all tasks of its owner": (
        "app/tasks/service.py",
        "delete(Task).where(Task.id == task_id, Task",
        "delete(Task).where(Task",
    ),
    "a login ignores the address": (
        "app/auth/service.py",
        "select(User).where(User.email == email)",
        "select(User)",
    ),
    "a login ignores the password": ("app/auth/service.py", "if not valid:", "if False:"),
    "a new task returns 200": ("app/tasks/routes.py", ", status_code=201)", ")"),
    "a registration returns 200": ("app/auth/routes.py", ", status_code=201)", ")"),
    "a deletion returns 200": ("app/tasks/routes.py", ", status_code=204)", ")"),
    "a route of tasks needs no login": (
        "app/tasks/routes.py",
        "async def delete_task(task_id: UUID, user: CurrentUser, session: SessionDep) -> None:\n"
        "    await service.delete_task(session, user, task_id)\n",
        "async def delete_task(task_id: UUID) -> None:\n    pass\n",
    ),
    "a route of auth needs no login": (
        "app/auth/routes.py",
        "async def read_me(user: CurrentUser) -> UserPublic:\n",
        'async def read_me() -> UserPublic:\n    user = {"id": "0" * 32, "email": ""}\n',
    ),
    **{
        f"{handler} is not registered": ("app/errors.py", f"    app.{handler}\n", "")
        for handler in (
            "add_middleware(BodyLimitProblemMiddleware)",
            "exception_handler(ServiceError)(service_error)",
            "exception_handler(RequestValidationError)(invalid_request)",
            "exception_handler(HTTPException)(http_error)",
            "exception_handler(exc.DBAPIError)(database_error)",
            "exception_handler(exc.TimeoutError)(database_busy)",
            "exception_handler(Exception)(unexpected_error)",
        )
    },
    "a validation error echoes its input": (
        "app/errors.py",
        '            message=part["msg"],\n',
        "            message=str(part),\n",
    ),
    "a migration lacks a column": (
        "migrations/versions/0002_tasks.py",
        '        sa.Column("done", sa.Boolean(), nullable=False),\n',
        "",
    ),
    "a migration lacks the rule of a foreign key": (
        "migrations/versions/0002_tasks.py",
        '            ondelete="CASCADE",\n',
        "",
    ),
    "a migration does not undo what it does": (
        "migrations/versions/0002_tasks.py",
        '    op.drop_table("tasks")\n',
        "    pass\n",
    ),
    "the sessions of the tests have no savepoint": (
        "tests/conftest.py",
        '        close_resets_only=False,\n        join_transaction_mode="create_savepoint",\n',
        "        close_resets_only=False,\n",
    ),
    "the tests share one session": (
        "tests/conftest.py",
        "    return async_sessionmaker(\n        connection,\n        class_=SessionInTurn,\n",
        "    shared = AsyncSession(connection, expire_on_commit=False)\n    return lambda: shared\n"
        "    return async_sessionmaker(\n        connection,\n        class_=SessionInTurn,\n",
    ),
    "a savepoint is a transaction of its own": (
        "app/db/engine.py",
        'r"|PRAGMA|BEGIN|',
        'r"|PRAGMA|BEGIN|SAVEPOINT|',
    ),
    "a write begins no transaction": (
        "app/db/engine.py",
        '            connection.execute("BEGIN IMMEDIATE")\n',
        "            pass\n",
    ),
    "a connection that is lost keeps its turn": (
        "app/db/engine.py",
        "            self.turn.release()\n        return super().stop()",
        "        return super().stop()",
    ),
    "a file that was deleted is written to": (
        "app/db/engine.py",
        '    event.listen(engine.sync_engine, "checkout", _refuse_lost_file)\n',
        "",
    ),
    "a statement has no deadline": ("app/db/engine.py", "self._conn.interrupt", "lambda: None"),
    "a file that is gone is made anew": (
        "app/db/engine.py",
        'mode="rwc" if for_migrations else "rw"',
        'mode="rwc"',
    ),
    "a login holds its connection while it waits for a hash": (
        "app/auth/service.py",
        "    await session.commit()\n    if user is None",
        "    if user is None",
    ),
    "logins wait without a bound": (
        "app/auth/passwords.py",
        "PasswordHasher.waiting >= MAX_WAITING",
        "False",
    ),
}


def test_without_a_defect_the_suite_is_green(installed_service: Path) -> None:
    result = run_suite(installed_service)

    assert result.returncode == 0, result.stdout


def plant(service: Path, defect: tuple[str, str, str]) -> None:
    name, sound, defective = defect
    replace_once(service / name, sound, defective)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_turns_the_suite_red(
    installed_service: Path, service_to_change: Path, defect: str
) -> None:
    plant(service_to_change, DEFECTS[defect])

    result = run_suite(installed_service, "-x", service=service_to_change)

    assert result.returncode == 1, result.stdout + result.stderr


TEST_THAT_OPENS_THE_DATABASE_OF_A_DEVELOPER = """
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import create_engine
from tests.helpers import settings_for


async def test_something() -> None:
    url = make_url(Path(__file__).with_suffix(".txt").read_text())
    async with AsyncSession(create_engine(settings_for(url))) as session:
        await session.connection()
"""


def open_in_a_test(service: Path, database_url: str) -> None:
    """Adds a test that opens a connection to this database."""
    test = service / "tests/test_stranger.py"
    test.write_text(TEST_THAT_OPENS_THE_DATABASE_OF_A_DEVELOPER)
    test.with_suffix(".txt").write_text(database_url)


@pytest.mark.parametrize(
    "address", ["{path}", "file:{path}?uri=true", "file:/other?vfs=memdb&uri=true"]
)
def test_a_database_that_the_tests_did_not_create_cannot_be_opened(
    installed_service: Path, service_to_change: Path, tmp_path: Path, address: str
) -> None:
    database = tmp_path / "of a developer.db"
    database.write_bytes(b"not even a database")
    open_in_a_test(service_to_change, f"sqlite+aiosqlite:///{address.format(path=database)}")

    result = run_suite(installed_service, "-x", service=service_to_change)

    assert result.returncode == 1
    assert ", which the tests did not create. Use a session" in result.stdout
    assert database.read_bytes() == b"not even a database"


def test_the_environment_and_a_dotenv_file_do_not_change_the_settings(
    installed_service: Path, service_to_change: Path
) -> None:
    (service_to_change / ".env").write_text("ENVIRONMENT=production\n")
    environment = {"ARGON2_PASSES": "none", "database_url": "nonsense", "SECRET_KEY": "weak"}

    result = run_suite(installed_service, service=service_to_change, environment=environment)

    assert result.returncode == 0, result.stdout


TESTS_THAT_CHANGE_THE_OVERRIDES = """
import pytest
from fastapi import FastAPI

from app.auth.dependencies import get_current_user
from app.db.session import get_new_session, get_session
from tests.client import AsyncClient

STAND_INS = {get_new_session, get_session}


@pytest.mark.parametrize("number", range(3))
def test_the_stand_ins_are_there(app: FastAPI, app_with_login: FastAPI, number: int) -> None:
    assert app.dependency_overrides.keys() == STAND_INS | {get_current_user}
    assert app_with_login.dependency_overrides.keys() == STAND_INS


def test_that_clears_the_overrides(app: FastAPI, app_with_login: FastAPI) -> None:
    app.dependency_overrides.clear()
    app_with_login.dependency_overrides.clear()


def test_that_replaces_the_overrides(app: FastAPI, app_with_login: FastAPI) -> None:
    app.dependency_overrides = {}
    app_with_login.dependency_overrides = {get_session: list}


def test_that_adds_an_override_and_fails(app: FastAPI, app_with_login: FastAPI) -> None:
    app.dependency_overrides[list] = dict
    app_with_login.dependency_overrides[list] = dict
    raise RuntimeError("on purpose")
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_overrides_are_restored_after_each_test(
    installed_service: Path, service_to_change: Path, seed: int
) -> None:
    file = service_to_change / "tests/test_overrides.py"
    file.write_text(TESTS_THAT_CHANGE_THE_OVERRIDES)

    result = run_suite(
        installed_service, str(file), f"--randomly-seed={seed}", service=service_to_change
    )

    assert "1 failed, 5 passed" in result.stdout
    assert "RuntimeError: on purpose" in result.stdout


def test_a_test_without_an_app_or_a_session_opens_no_connection(installed_service: Path) -> None:
    result = run_suite(installed_service, "--setup-show", "tests/test_task_schemas.py")

    assert result.returncode == 0, result.stdout
    assert "SETUP    F override_dependencies" in result.stdout
    assert "connection" not in result.stdout
    assert "database_url" not in result.stdout


def exchange_of(installed_service: Path, service_to_change: Path, failing_test: str) -> str:
    """Returns the output of a failing test from its section `HTTP exchange` on."""
    (service_to_change / "tests/test_failing.py").write_text(failing_test)
    result = run_suite(installed_service, "-x", service=service_to_change)
    return result.stdout.split("HTTP exchange")[1]


TEST_THAT_FAILS = """
from tests.client import AsyncClient


async def test_something(anonymous_client: AsyncClient) -> None:
    user = {"email": "eve@example.com", "password": "correct & \\"horse"}
    nested = {"secrets": [{"a": "]"}, "horse"], "x": {"api-key": "horse", "note": "pwd=horse&a=1"}}
    await anonymous_client.post("/auth/register", json=nested)
    await anonymous_client.post("/auth/register", content='{"my password": "horse')
    await anonymous_client.post("/auth/register", json=["{\\"password\\": \\"horse\\"}"])
    await anonymous_client.post("/auth/token", data={"user[password]": "horse"})
    await anonymous_client.post("/auth/register", json=user)
    response = await anonymous_client.post(
        "/auth/token?reset_token=horse",
        data={"username": user["email"], "password": user["password"]},
    )
    assert response.status_code == 500
"""


def test_a_failing_test_shows_the_exchange_without_secrets(
    installed_service: Path, service_to_change: Path
) -> None:
    report = exchange_of(installed_service, service_to_change, TEST_THAT_FAILS)

    assert '> POST /auth/register\n{"email": "eve@example.com", "password": "***"}\n' in report
    assert "> POST /auth/token?reset_token=***\nusername=eve%40example.com&password=***\n" in report
    assert '"access_token": "***", "token_type": "bearer"' in report
    assert "horse" not in report.split("short test summary")[0]


TEST_THAT_BREAKS_THE_APP = """
import pytest

from app.tasks import service
from tests.client import AsyncClient


async def test_something(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "create_task", None)
    await client.get("/tasks", params={"limit": 1})
    await client.post("/tasks", json={"title": "x" * 3_000, "cookie": ["horse"], "token": 7})
    await client.post("/tasks", json={"title": "Buy milk"})
"""


def test_a_request_that_crashes_the_app_is_shown_after_the_earlier_ones(
    installed_service: Path, service_to_change: Path
) -> None:
    report = exchange_of(installed_service, service_to_change, TEST_THAT_BREAKS_THE_APP)

    assert "> GET /tasks?limit=1\n< 200 OK\n[]\n\n> POST /tasks\n" in report
    assert "… and " in report
    response = '< 500 Internal Server Error\n{"type": "about:blank", '
    assert f'> POST /tasks\n{{"title": "Buy milk"}}\n{response}' in report
    assert "horse" not in report
