from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from pydantic import Field

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.fields import Day, Text
from app.uploads import service
from app.uploads.schemas import UploadPublic

router = APIRouter(tags=["uploads"])

Title = Annotated[Text, Field(min_length=1, max_length=200)]


@router.post("/tasks/{task_id}/uploads", status_code=201, max_body_size=1024 * 1024)
async def create_upload(
    task_id: UUID,
    title: Annotated[Title, Form()],
    file: UploadFile,
    user: CurrentUser,
    session: SessionDep,
    request: Request,
    response: Response,
) -> UploadPublic:
    upload = await service.create_upload(session, user, task_id, title, await file.read())
    response.headers["Location"] = request.app.url_path_for("read_upload", upload_id=upload.id)
    return UploadPublic.model_validate(upload)


@router.get("/tasks/{task_id}/uploads")
async def list_uploads(
    task_id: UUID, since: Annotated[Day, Query()], user: CurrentUser, session: SessionDep
) -> list[UploadPublic]:
    uploads = await service.list_uploads(session, user, task_id, since)
    return [UploadPublic.model_validate(upload) for upload in uploads]


@router.get(
    "/uploads/{upload_id}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def read_upload(upload_id: UUID, user: CurrentUser, session: SessionDep) -> Response:
    upload = await service.get_upload(session, user, upload_id)
    return Response(upload.content, media_type="application/octet-stream")
