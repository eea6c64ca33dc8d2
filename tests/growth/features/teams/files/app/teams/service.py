from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.errors import NotFoundError
from app.teams.models import Team
from app.teams.schemas import TeamCreate

NO_SUCH_TEAM = "There is no such team."


async def create_team(session: AsyncSession, owner: User, new: TeamCreate) -> Team:
    """The owner is its first member."""
    team = Team(owner_id=owner.id, name=new.name)
    session.add(team)
    await session.flush()
    await session.execute(update(User).where(User.id == owner.id).values(team_id=team.id))
    await session.commit()
    return team


async def get_team(session: AsyncSession, member: User, team_id: UUID) -> Team:
    team = await session.scalar(select(Team).where(Team.id == team_id, Team.id == member.team_id))
    if team is None:
        raise NotFoundError(NO_SUCH_TEAM)
    return team


async def delete_team(session: AsyncSession, owner: User, team_id: UUID) -> None:
    deleted_id = await session.scalar(
        delete(Team).where(Team.id == team_id, Team.owner_id == owner.id).returning(Team.id)
    )
    await session.commit()
    if deleted_id is None:
        raise NotFoundError(NO_SUCH_TEAM)
