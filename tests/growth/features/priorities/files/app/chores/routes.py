from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth.dependencies import CurrentUser
from app.chores import service
from app.chores.schemas import ChoreCreate, ChorePublic, ChoreQuery
from app.db.session import SessionDep

router = APIRouter(prefix="/chores", tags=["chores"])


@router.post("", status_code=201)
async def create_chore(
    new: ChoreCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> ChorePublic:
    chore = await service.create_chore(session, user, new)
    response.headers["Location"] = request.app.url_path_for("read_chore", chore_id=chore.id)
    return ChorePublic.model_validate(chore)


@router.get("")
async def list_chores(
    query: Annotated[ChoreQuery, Query()], user: CurrentUser, session: SessionDep
) -> list[ChorePublic]:
    chores = await service.list_chores(session, user, query)
    return [ChorePublic.model_validate(chore) for chore in chores]


@router.get("/{chore_id}")
async def read_chore(chore_id: UUID, user: CurrentUser, session: SessionDep) -> ChorePublic:
    return ChorePublic.model_validate(await service.get_chore(session, user, chore_id))
