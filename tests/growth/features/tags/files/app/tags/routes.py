from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.fields import Page
from app.tags import service
from app.tags.schemas import TagCreate, TagPublic

router = APIRouter(tags=["tags"])


@router.post("/tags", status_code=201)
async def create_tag(
    new: TagCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> TagPublic:
    tag = await service.create_tag(session, user, new)
    response.headers["Location"] = request.app.url_path_for("read_tag", tag_id=tag.id)
    return TagPublic.model_validate(tag)


@router.get("/tags")
async def list_tags(
    page: Annotated[Page, Query()], user: CurrentUser, session: SessionDep
) -> list[TagPublic]:
    tags = await service.list_tags(session, user, page)
    return [TagPublic.model_validate(tag) for tag in tags]


@router.get("/tags/{tag_id}")
async def read_tag(tag_id: UUID, user: CurrentUser, session: SessionDep) -> TagPublic:
    return TagPublic.model_validate(await service.get_tag(session, user, tag_id))


@router.get("/tasks/{task_id}/tags")
async def list_tags_of_task(
    task_id: UUID, user: CurrentUser, session: SessionDep
) -> list[TagPublic]:
    tags = await service.list_tags_of_task(session, user, task_id)
    return [TagPublic.model_validate(tag) for tag in tags]


@router.put("/tasks/{task_id}/tags/{tag_id}", status_code=204)
async def add_tag_to_task(
    task_id: UUID, tag_id: UUID, user: CurrentUser, session: SessionDep
) -> None:
    await service.add_tag_to_task(session, user, task_id, tag_id)


@router.delete("/tasks/{task_id}/tags/{tag_id}", status_code=204)
async def remove_tag_from_task(
    task_id: UUID, tag_id: UUID, user: CurrentUser, session: SessionDep
) -> None:
    await service.remove_tag_from_task(session, user, task_id, tag_id)
