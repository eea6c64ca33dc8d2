"""The walk of the routes covers resources that a team adds: every planted defect is named."""

from pathlib import Path

import pytest

from evergreen.edits import insert_below, replace_once, write
from evergreen.services import run_suite

# The rows are in memory, since the walk does not depend on how they are stored.
ROUTES = """
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, FastAPI, File, Form, Response, UploadFile, WebSocket
from pydantic import BaseModel

from app.auth.dependencies import CurrentUser
from app.auth.models import User
from app.db.session import SessionDep
from app.errors import ForbiddenError, NotFoundError
from app.tasks.service import get_task

router = APIRouter(tags=["notes"])
reports = FastAPI(openapi_url=None)


class NoteCreate(BaseModel):
    task_id: UUID
    text: str


@dataclass
class Note:
    owner_id: UUID
    text: str


notes: dict[UUID, Note] = {}


async def require_admin(user: CurrentUser) -> User:
    if user.email != "admin@example.com":
        raise ForbiddenError("Only an administrator can do this.")
    return user


async def get_note(note_id: UUID, user: CurrentUser) -> Note:
    note = notes.get(note_id)
    if note is None or note.owner_id != user.id:
        raise NotFoundError("There is no such note.")
    return note


NoteDep = Annotated[Note, Depends(get_note)]


@router.post("/notes", status_code=201)
async def create_note(
    new: NoteCreate, user: CurrentUser, session: SessionDep, response: Response
) -> str:
    await get_task(session, user, new.task_id)
    note_id = uuid4()
    notes[note_id] = Note(user.id, new.text)
    response.headers["Location"] = f"/notes/{note_id}"
    return new.text


@router.get("/notes/{note_id}")
async def read_note(note_id: UUID, note: NoteDep) -> str:
    return note.text


@router.put("/tasks/{task_id}/notes/{note_id}")
async def link_note(
    task_id: UUID, note_id: UUID, note: NoteDep, user: CurrentUser, session: SessionDep
) -> str:
    task = await get_task(session, user, task_id)
    return task.title


@router.post("/tasks/{task_id}/attachments")
async def attach(
    task_id: UUID,
    file: Annotated[UploadFile, File()],
    folder: Annotated[str, Form()],
    size: int,
    user: CurrentUser,
    session: SessionDep,
) -> str:
    return (await get_task(session, user, task_id)).title


@router.get("/admin/notes", dependencies=[Depends(require_admin)])
async def list_all_notes() -> list[str]:
    return [note.text for note in notes.values()]


@router.websocket("/notes/live")
async def send_notes(websocket: WebSocket, user: CurrentUser) -> None:
    await websocket.accept()


@router.websocket("/notes/{note_id}/live")
async def send_note(websocket: WebSocket, note: NoteDep) -> None:
    await websocket.accept()


@reports.get("/daily")
async def read_report(user: CurrentUser) -> str:
    return user.email
""".lstrip()

SAFE_NOTE = "if note is None or note.owner_id != user.id:"
SAFE_LINK = "    task = await get_task(session, user, task_id)\n    return task.title\n"
DOES_NOT_CHECK_THE_NOTE = ("note_id: UUID, note: NoteDep, user", "note_id: UUID, user")

# The text to replace, its replacement, and what the failure says in its first lines.
DEFECTS = {
    "everyone can read a note": (
        SAFE_NOTE,
        "if note is None:",
        "GET /notes/{note_id} returned 200 for {'path': {'note_id': ",
    ),
    "another user learns that a note exists": (
        'raise NotFoundError("There is no such note.")',
        'raise ForbiddenError("The note is not yours.")',
        "GET /notes/{note_id} returned 403",
    ),
    "a note can be about the task of another user": (
        "    await get_task(session, user, new.task_id)\n",
        "",
        "POST /notes returned 201 for {'json': {'task_id': ",
    ),
    "a link does not check the task": (
        SAFE_LINK,
        "    return note.text\n",
        ", with the task_id of another user. Look the row up together with its owner",
    ),
    "a link does not check the note": (
        *DOES_NOT_CHECK_THE_NOTE,
        ", with the note_id of another user. Look the row up together with its owner",
    ),
    "a file can be attached to the task of another user": (
        "    return (await get_task(session, user, task_id)).title\n",
        "    return folder\n",
        "POST /tasks/{task_id}/attachments returned 200",
    ),
    "the guard of a restricted route is missing": (
        ", dependencies=[Depends(require_admin)])",
        ")",
        "GET /admin/notes returned ",
    ),
    "a WebSocket is open to all": (
        "async def send_notes(websocket: WebSocket, user: CurrentUser)",
        "async def send_notes(websocket: WebSocket)",
        "list ('WEBSOCKET', '/notes/live') in PUBLIC",
    ),
    "a WebSocket sends the notes of another user": (
        "async def send_note(websocket: WebSocket, note: NoteDep)",
        "async def send_note(websocket: WebSocket, note_id: UUID, user: CurrentUser)",
        "WEBSOCKET /notes/{note_id}/live returned 101 for ",
    ),
    "a route of a mounted app is open to all": (
        "async def read_report(user: CurrentUser) -> str:\n    return user.email\n",
        'async def read_report() -> str:\n    return "for everyone"\n',
        "GET /reports/daily returned 200 without a token.",
    ),
    "a field has no example that is valid": (
        "    text: str\n\n\n@dataclass",
        '    text: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]\n\n\n@dataclass',
        "body.text: String should match pattern '^[A-Z]{3}$'. Give its fields examples",
    ),
    "a new note returns neither its address nor its id": (
        '    response.headers["Location"] = f"/notes/{note_id}"\n',
        "",
        'or say in ROWS["/notes"] how a row is created.',
    ),
    "no route creates the rows of a path": (
        '@router.post("/notes", status_code=201)',
        '@router.post("/imports", status_code=201)',
        'Say in ROWS["/notes"] how such a row is created.',
    ),
}


@pytest.fixture
def service_with_notes(service_to_change: Path) -> Path:
    main, walk = service_to_change / "app/main.py", service_to_change / "tests/test_routes.py"
    write(service_to_change / "app/notes/__init__.py", "")
    write(service_to_change / "app/notes/routes.py", ROUTES)
    insert_below(
        main, "The imports of your own routers", "from app.notes.routes import reports, router\n"
    )
    insert_below(
        main,
        "Your own routers",
        '    app.include_router(router)\n    app.mount("/reports", reports)\n',
    )
    insert_below(walk, "Your own restricted routes", '    ("GET", "/admin/notes"),\n')
    return service_to_change


def test_without_a_defect_the_walk_is_green(
    installed_service: Path, service_with_notes: Path
) -> None:
    result = run_suite(installed_service, "tests/test_routes.py", service=service_with_notes)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_of_a_route_is_named(
    installed_service: Path, service_with_notes: Path, defect: str
) -> None:
    sound, defective, says = DEFECTS[defect]
    routes = service_with_notes / "app/notes/routes.py"
    replace_once(routes, "from pydantic import BaseModel", "from pydantic import *")
    replace_once(routes, sound, defective)

    result = run_suite(installed_service, "tests/test_routes.py", service=service_with_notes)

    assert result.returncode == 1, result.stdout
    assert says in result.stdout.partition("Captured")[0].partition("HTTP exchange")[0]


def test_a_folder_of_files_has_to_be_listed(
    installed_service: Path, service_with_notes: Path
) -> None:
    main = service_with_notes / "app/main.py"
    insert_below(
        main, "The imports of your own routers", "from starlette.staticfiles import StaticFiles\n"
    )
    insert_below(
        main, "Your own routers", '    app.mount("/static", StaticFiles(directory="docs"))\n'
    )
    run = ["tests/test_routes.py", "-k", "401"]

    refused = run_suite(installed_service, *run, service=service_with_notes)
    walk = service_with_notes / "tests/test_routes.py"
    insert_below(walk, "Your own public routes", '    ("MOUNT", "/static"),\n')
    listed = run_suite(installed_service, *run, service=service_with_notes)

    assert "list ('MOUNT', '/static') in PUBLIC." in refused.stdout
    assert listed.returncode == 0, listed.stdout
