from fastapi import APIRouter

from app.auth.dependencies import CurrentUser
from app.db.session import NewSessionDep
from app.summary import service
from app.summary.schemas import Summary

router = APIRouter(prefix="/summary", tags=["summary"])


@router.get("")
async def read_summary(user: CurrentUser, new_session: NewSessionDep) -> Summary:
    return await service.summarise(new_session, user)
