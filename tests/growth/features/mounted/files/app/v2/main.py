"""The next version of the API, with a document of its own: `/v2/docs`."""

from fastapi import FastAPI

from app.errors import PROBLEM_RESPONSES
from app.tasks.routes import router as tasks_router
from app.v2.routes import router as v2_router


def create_v2() -> FastAPI:
    v2 = FastAPI(
        title="Tasks, version 2",
        version="2",
        responses=PROBLEM_RESPONSES,
        redirect_slashes=False,
    )
    v2.include_router(tasks_router)
    v2.include_router(v2_router)
    return v2
