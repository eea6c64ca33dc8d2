from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.prices import service
from app.prices.schemas import PriceCreate, PricePublic

router = APIRouter(prefix="/prices", tags=["prices"])


@router.post("", status_code=201)
async def create_price(
    new: PriceCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> PricePublic:
    price = await service.create_price(session, user, new)
    response.headers["Location"] = request.app.url_path_for("read_price", price_id=price.id)
    return PricePublic.model_validate(price)


@router.get("")
async def list_prices(user: CurrentUser, session: SessionDep) -> list[PricePublic]:
    prices = await service.list_prices(session, user)
    return [PricePublic.model_validate(price) for price in prices]


@router.get("/{price_id}")
async def read_price(price_id: UUID, user: CurrentUser, session: SessionDep) -> PricePublic:
    return PricePublic.model_validate(await service.get_price(session, user, price_id))
