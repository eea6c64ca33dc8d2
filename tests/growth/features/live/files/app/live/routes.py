from fastapi import APIRouter, WebSocket

from app.auth.dependencies import CurrentUser
from app.db.session import NewSessionDep, SessionDep
from app.live import service

router = APIRouter(prefix="/live", tags=["live"])


@router.websocket("")
async def count_users(websocket: WebSocket, session: SessionDep) -> None:
    await websocket.accept()
    await websocket.send_json({"users": await service.count_users(session)})
    await websocket.close()


@router.websocket("/tasks")
async def count_tasks(websocket: WebSocket, user: CurrentUser, new_session: NewSessionDep) -> None:
    """Each message is a question: how many tasks are there now?"""
    await websocket.accept()
    async for _ in websocket.iter_text():
        # For each message: a session for the whole life of the socket would hold a connection.
        async with new_session() as session:
            number = await service.count_tasks(session, user)
        await websocket.send_json({"tasks": number})
