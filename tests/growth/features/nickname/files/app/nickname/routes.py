from fastapi import APIRouter

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.nickname import service
from app.nickname.schemas import Nickname

router = APIRouter(prefix="/nickname", tags=["nickname"])


@router.get("")
async def read_nickname(user: CurrentUser) -> Nickname:
    return Nickname(nickname=user.nickname)


@router.put("")
async def change_nickname(new: Nickname, user: CurrentUser, session: SessionDep) -> Nickname:
    await service.change_nickname(session, user, new.nickname)
    return new
