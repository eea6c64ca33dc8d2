from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.errors import NotFoundError
from app.tickets.models import Ticket
from app.tickets.schemas import TicketCreate, TicketUpdate


async def create_ticket(session: AsyncSession, owner: User, new: TicketCreate) -> Ticket:
    ticket = Ticket(owner_id=owner.id, subject=new.subject)
    session.add(ticket)
    await session.commit()
    return ticket


async def get_ticket(session: AsyncSession, owner: User, ticket_id: UUID) -> Ticket:
    ticket = await session.scalar(
        select(Ticket).where(Ticket.id == ticket_id, Ticket.owner_id == owner.id)
    )
    return found(ticket)


async def update_ticket(
    session: AsyncSession, owner: User, ticket_id: UUID, changes: TicketUpdate
) -> Ticket:
    ticket = await session.scalar(
        update(Ticket)
        .where(Ticket.id == ticket_id, Ticket.owner_id == owner.id)
        .values(status=changes.status)
        .returning(Ticket)
    )
    await session.commit()
    return found(ticket)


def found(ticket: Ticket | None) -> Ticket:
    if ticket is None:
        raise NotFoundError("There is no such ticket.")
    return ticket
