from fastapi import APIRouter

from app.auth.dependencies import CurrentUser
from app.auth.schemas import UserPublic
from app.db.session import SessionDep
from app.profile import service
from app.profile.schemas import ProfileUpdate

router = APIRouter(prefix="/profile", tags=["profile"])


@router.get("")
async def read_profile(user: CurrentUser) -> UserPublic:
    return UserPublic.model_validate(user)


@router.patch("")
async def update_profile(
    changes: ProfileUpdate, user: CurrentUser, session: SessionDep
) -> UserPublic:
    return UserPublic.model_validate(await service.update_profile(session, user, changes))


@router.delete("", status_code=204)
async def delete_profile(user: CurrentUser, session: SessionDep) -> None:
    await service.delete_profile(session, user)
