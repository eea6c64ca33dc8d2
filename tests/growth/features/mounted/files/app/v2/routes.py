from fastapi import APIRouter

from app.auth.dependencies import CurrentUser
from app.auth.schemas import UserPublic

router = APIRouter(prefix="/whoami", tags=["v2"])


@router.get("")
async def who_am_i(user: CurrentUser) -> UserPublic:
    return UserPublic.model_validate(user)
