from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.teams import service
from app.teams.schemas import TeamCreate, TeamPublic

router = APIRouter(prefix="/teams", tags=["teams"])


@router.post("", status_code=201)
async def create_team(
    new: TeamCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> TeamPublic:
    team = await service.create_team(session, user, new)
    response.headers["Location"] = request.app.url_path_for("read_team", team_id=team.id)
    return TeamPublic.model_validate(team)


@router.get("/{team_id}")
async def read_team(team_id: UUID, user: CurrentUser, session: SessionDep) -> TeamPublic:
    return TeamPublic.model_validate(await service.get_team(session, user, team_id))


@router.delete("/{team_id}", status_code=204)
async def delete_team(team_id: UUID, user: CurrentUser, session: SessionDep) -> None:
    await service.delete_team(session, user, team_id)
