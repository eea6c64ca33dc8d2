from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.fields import Page
from app.notes import service
from app.notes.schemas import NoteCreate, NotePublic

router = APIRouter(prefix="/notes", tags=["notes"])


@router.post("", status_code=201)
async def create_note(
    new: NoteCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> NotePublic:
    note = await service.create_note(session, user, new)
    response.headers["Location"] = request.app.url_path_for("read_note", note_id=note.id)
    return NotePublic.model_validate(note)


@router.get("")
async def list_notes(
    page: Annotated[Page, Query()], user: CurrentUser, session: SessionDep
) -> list[NotePublic]:
    notes = await service.list_notes(session, user, page)
    return [NotePublic.model_validate(note) for note in notes]


@router.get("/{note_id}")
async def read_note(note_id: UUID, user: CurrentUser, session: SessionDep) -> NotePublic:
    return NotePublic.model_validate(await service.get_note(session, user, note_id))


@router.delete("/{note_id}", status_code=204)
async def delete_note(note_id: UUID, user: CurrentUser, session: SessionDep) -> None:
    await service.delete_note(session, user, note_id)
