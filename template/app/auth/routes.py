from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.security import OAuth2PasswordRequestForm

from app.auth import service
from app.auth.dependencies import CurrentUser
from app.auth.passwords import PasswordHasherDep
from app.auth.schemas import Token, UserCreate, UserPublic
from app.auth.tokens import issue_token
from app.db.session import SessionDep
from app.settings import SettingsDep

# Anonymous clients can't make us parse large bodies.
router = APIRouter(prefix="/auth", tags=["auth"], max_body_size=16 * 1024)

LoginForm = Annotated[OAuth2PasswordRequestForm, Depends()]


@router.post("/register", status_code=201)
async def register(new: UserCreate, session: SessionDep, hasher: PasswordHasherDep) -> UserPublic:
    return UserPublic.model_validate(await service.register(session, hasher, new))


@router.post("/token")
async def log_in(
    form: LoginForm, session: SessionDep, hasher: PasswordHasherDep, settings: SettingsDep
) -> Token:
    user = await service.authenticate(session, hasher, form.username, form.password)
    return Token(
        access_token=issue_token(user.id, settings),
        expires_in=settings.access_token_minutes * 60,
    )


@router.get("/me")
async def read_me(user: CurrentUser) -> UserPublic:
    return UserPublic.model_validate(user)
