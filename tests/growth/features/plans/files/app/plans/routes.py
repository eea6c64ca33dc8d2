from typing import Annotated

from fastapi import APIRouter, Path

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.fields import Text
from app.plans import service
from app.plans.schemas import PlanPublic

router = APIRouter(prefix="/plans", tags=["plans"])

Name = Annotated[Text, Path(max_length=20, examples=["free"])]


@router.get("")
async def list_plans(user: CurrentUser, session: SessionDep) -> list[PlanPublic]:
    return [PlanPublic.model_validate(plan) for plan in await service.list_plans(session)]


@router.get("/{name}")
async def read_plan(name: Name, user: CurrentUser, session: SessionDep) -> PlanPublic:
    return PlanPublic.model_validate(await service.get_plan(session, name))
