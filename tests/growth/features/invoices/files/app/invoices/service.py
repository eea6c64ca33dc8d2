from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.errors import ConflictError, NotFoundError
from app.invoices.models import Invoice, Line, Status
from app.invoices.schemas import InvoiceCreate, InvoicePage, InvoiceUpdate, LineCreate

NO_SUCH_INVOICE = "There is no such invoice."


async def create_invoice(session: AsyncSession, owner: User, new: InvoiceCreate) -> Invoice:
    invoice = Invoice(owner_id=owner.id, number=new.number, day=new.day, lines=[])
    session.add(invoice)
    try:
        await session.commit()
    except IntegrityError:
        raise ConflictError("There is an invoice with this number.") from None
    return invoice


async def list_invoices(session: AsyncSession, owner: User, page: InvoicePage) -> Sequence[Invoice]:
    query = select(Invoice).where(Invoice.owner_id == owner.id)
    if page.status is not None:
        query = query.where(Invoice.status == page.status)
    invoices = await session.scalars(
        query.order_by(Invoice.number).limit(page.limit).offset(page.offset)
    )
    return invoices.all()


async def get_invoice(session: AsyncSession, owner: User, invoice_id: UUID) -> Invoice:
    invoice = await session.scalar(
        select(Invoice).where(Invoice.id == invoice_id, Invoice.owner_id == owner.id)
    )
    if invoice is None:
        raise NotFoundError(NO_SUCH_INVOICE)
    return invoice


async def update_invoice(
    session: AsyncSession, owner: User, invoice_id: UUID, changes: InvoiceUpdate
) -> Invoice:
    invoice = await get_invoice(session, owner, invoice_id)
    invoice.day = changes.day
    await session.commit()
    return invoice


async def send_invoice(session: AsyncSession, owner: User, invoice_id: UUID) -> Invoice:
    return await change_status(session, owner, invoice_id, Status.DRAFT, Status.SENT)


async def pay_invoice(session: AsyncSession, owner: User, invoice_id: UUID) -> Invoice:
    return await change_status(session, owner, invoice_id, Status.SENT, Status.PAID)


async def change_status(
    session: AsyncSession, owner: User, invoice_id: UUID, before: Status, after: Status
) -> Invoice:
    """Raises `ConflictError` unless the invoice has the status that comes before."""
    invoice: Invoice | None = await session.scalar(
        update(Invoice)
        .where(Invoice.id == invoice_id, Invoice.owner_id == owner.id, Invoice.status == before)
        .values(status=after)
        .returning(Invoice)
    )
    await session.commit()
    if invoice is None:
        invoice = await get_invoice(session, owner, invoice_id)
        raise ConflictError(f"The status is {invoice.status}, not {before}.")
    return invoice


async def add_line(session: AsyncSession, owner: User, invoice_id: UUID, new: LineCreate) -> Line:
    invoice = await get_invoice(session, owner, invoice_id)
    line = Line(invoice_id=invoice.id, text=new.text, amount=new.amount)
    session.add(line)
    await session.commit()
    return line


async def delete_line(session: AsyncSession, owner: User, invoice_id: UUID, line_id: UUID) -> None:
    own_invoice = select(Invoice.id).where(Invoice.id == invoice_id, Invoice.owner_id == owner.id)
    deleted_id = await session.scalar(
        delete(Line).where(Line.id == line_id, Line.invoice_id.in_(own_invoice)).returning(Line.id)
    )
    await session.commit()
    if deleted_id is None:
        raise NotFoundError("There is no such line.")
