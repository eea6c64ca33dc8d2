from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.auth.dependencies import CurrentUser
from app.db.session import NewSessionDep
from app.downloads import service

router = APIRouter(prefix="/downloads", tags=["downloads"])


@router.get(
    "/tasks.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
async def download_tasks(user: CurrentUser, new_session: NewSessionDep) -> StreamingResponse:
    lines = service.lines_of_tasks(new_session, user.id)
    return StreamingResponse(lines, media_type="text/csv")
