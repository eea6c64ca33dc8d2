from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.admin import service
from app.admin.dependencies import CurrentAdmin
from app.admin.schemas import UserUpdate, UserWithRole
from app.db.session import SessionDep
from app.fields import Page

router = APIRouter(prefix="/admin", tags=["admin"])


@router.get("/users")
async def list_users(
    page: Annotated[Page, Query()], admin: CurrentAdmin, session: SessionDep
) -> list[UserWithRole]:
    users = await service.list_users(session, page)
    return [UserWithRole.model_validate(user) for user in users]


@router.patch("/users/{user_id}")
async def update_user(
    user_id: UUID, changes: UserUpdate, admin: CurrentAdmin, session: SessionDep
) -> UserWithRole:
    return UserWithRole.model_validate(await service.change_role(session, user_id, changes.role))
