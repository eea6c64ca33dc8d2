from datetime import datetime

from fastapi import APIRouter, BackgroundTasks
from pydantic import BaseModel, ConfigDict

from app.auth.dependencies import CurrentUser
from app.db.session import NewSessionDep, SessionDep
from app.reports import service

router = APIRouter(prefix="/reports", tags=["reports"])


class ReportPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    open_tasks: int
    created_at: datetime


@router.post("", status_code=202)
async def start_report(
    user: CurrentUser, new_session: NewSessionDep, background: BackgroundTasks
) -> None:
    background.add_task(service.write_report, new_session, user.id)


@router.get("")
async def list_reports(user: CurrentUser, session: SessionDep) -> list[ReportPublic]:
    reports = await service.list_reports(session, user)
    return [ReportPublic.model_validate(report) for report in reports]
