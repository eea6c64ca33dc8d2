from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.invoices import service
from app.invoices.schemas import (
    InvoiceCreate,
    InvoicePage,
    InvoicePublic,
    InvoiceUpdate,
    LineCreate,
    LinePublic,
)

router = APIRouter(prefix="/invoices", tags=["invoices"])


@router.post("", status_code=201)
async def create_invoice(
    new: InvoiceCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> InvoicePublic:
    invoice = await service.create_invoice(session, user, new)
    path = request.app.url_path_for("read_invoice", invoice_id=invoice.id)
    response.headers["Location"] = path
    return InvoicePublic.model_validate(invoice)


@router.get("")
async def list_invoices(
    page: Annotated[InvoicePage, Query()], user: CurrentUser, session: SessionDep
) -> list[InvoicePublic]:
    invoices = await service.list_invoices(session, user, page)
    return [InvoicePublic.model_validate(invoice) for invoice in invoices]


@router.get("/{invoice_id}")
async def read_invoice(invoice_id: UUID, user: CurrentUser, session: SessionDep) -> InvoicePublic:
    return InvoicePublic.model_validate(await service.get_invoice(session, user, invoice_id))


@router.patch("/{invoice_id}")
async def update_invoice(
    invoice_id: UUID, changes: InvoiceUpdate, user: CurrentUser, session: SessionDep
) -> InvoicePublic:
    invoice = await service.update_invoice(session, user, invoice_id, changes)
    return InvoicePublic.model_validate(invoice)


@router.post("/{invoice_id}/send")
async def send_invoice(invoice_id: UUID, user: CurrentUser, session: SessionDep) -> InvoicePublic:
    return InvoicePublic.model_validate(await service.send_invoice(session, user, invoice_id))


@router.post("/{invoice_id}/pay")
async def pay_invoice(invoice_id: UUID, user: CurrentUser, session: SessionDep) -> InvoicePublic:
    return InvoicePublic.model_validate(await service.pay_invoice(session, user, invoice_id))


@router.post("/{invoice_id}/lines", status_code=201)
async def add_line(
    invoice_id: UUID, new: LineCreate, user: CurrentUser, session: SessionDep
) -> LinePublic:
    return LinePublic.model_validate(await service.add_line(session, user, invoice_id, new))


@router.delete("/{invoice_id}/lines/{line_id}", status_code=204)
async def delete_line(
    invoice_id: UUID, line_id: UUID, user: CurrentUser, session: SessionDep
) -> None:
    await service.delete_line(session, user, invoice_id, line_id)
