from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.auth.dependencies import CurrentUser
from app.billing.receipts import service
from app.billing.receipts.schemas import ReceiptCreate, ReceiptPublic
from app.db.session import SessionDep

router = APIRouter(prefix="/receipts")


@router.post("", status_code=201)
async def create_receipt(
    new: ReceiptCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> ReceiptPublic:
    receipt = await service.create_receipt(session, user, new)
    response.headers["Location"] = request.app.url_path_for("read_receipt", receipt_id=receipt.id)
    return ReceiptPublic.model_validate(receipt)


@router.get("/{receipt_id}")
async def read_receipt(receipt_id: UUID, user: CurrentUser, session: SessionDep) -> ReceiptPublic:
    return ReceiptPublic.model_validate(await service.get_receipt(session, user, receipt_id))
