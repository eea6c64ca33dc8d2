from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.tickets import service
from app.tickets.schemas import TicketCreate, TicketPublic, TicketUpdate

router = APIRouter(prefix="/tickets", tags=["tickets"])


@router.post("", status_code=201)
async def create_ticket(
    new: TicketCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> TicketPublic:
    ticket = await service.create_ticket(session, user, new)
    response.headers["Location"] = request.app.url_path_for("read_ticket", ticket_id=ticket.id)
    return TicketPublic.model_validate(ticket)


@router.get("/{ticket_id}")
async def read_ticket(ticket_id: UUID, user: CurrentUser, session: SessionDep) -> TicketPublic:
    return TicketPublic.model_validate(await service.get_ticket(session, user, ticket_id))


@router.patch("/{ticket_id}")
async def update_ticket(
    ticket_id: UUID, changes: TicketUpdate, user: CurrentUser, session: SessionDep
) -> TicketPublic:
    ticket = await service.update_ticket(session, user, ticket_id, changes)
    return TicketPublic.model_validate(ticket)
