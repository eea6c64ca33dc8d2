"""A test finds everything as if it ran alone: sessions, apps and tasks that end with the test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

import pytest
from fastapi import FastAPI
from sqlalchemy import URL, ExceptionContext, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session

SECONDS_TO_END = 5

# What is committed to their databases would stay for the next test.
shared_engines: set[AsyncEngine] = set()


def share(engine: AsyncEngine) -> None:
    shared_engines.add(engine)
    event.listen(engine.sync_engine, "handle_error", keep_connection_of_cancelled_query)


def is_shared(database: URL) -> bool:
    """Whatever the driver is that opens it."""
    urls = {engine.url.set(drivername="any") for engine in shared_engines}
    return database.set(drivername="any") in urls


def keep_connection_of_cancelled_query(context: ExceptionContext) -> None:
    """A client that leaves a stream cancels its query. SQLAlchemy would give the connection up,
    and with it the transaction of the test.
    """
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


class TrackedSession(Session):
    """Remembers whether its transaction has written."""


@event.listens_for(TrackedSession, "after_flush")
def remember_flush(session: Session, context: object) -> None:
    session.info["has_written"] = True


@event.listens_for(TrackedSession, "do_orm_execute")
def remember_statement(state: ORMExecuteState) -> None:
    if not state.is_select:
        state.session.info["has_written"] = True


@event.listens_for(TrackedSession, "after_transaction_end")
def forget(session: Session, transaction: object) -> None:
    session.info.pop("has_written", None)


class SessionInTurn(AsyncSession):
    """Sessions at the same time would mix their savepoints on the one connection of a test.

    A session that is opened while another one of the same request is open goes before it, and
    its commits are its own unless that one has written; others wait for it to be closed.
    """

    def __init__(self, *arguments: Any, turn: asyncio.Lock, **options: Any) -> None:
        super().__init__(*arguments, sync_session_class=TrackedSession, **options)
        self.turn_on_connection = turn
        self.turn_within = asyncio.Lock()
        self.is_open = False
        self.outer: SessionInTurn | None = None

    async def __aenter__(self) -> Self:
        self.outer = innermost.get()
        while True:
            while self.outer is not None and not self.outer.is_open:
                self.outer = self.outer.outer
            self.turn = self.outer.turn_within if self.outer else self.turn_on_connection
            await self.turn.acquire()
            if self.outer is None or self.outer.is_open:
                break
            # It was closed while this one waited, and the connection is another request's.
            self.turn.release()
        await self.end_reads_of_outer()
        self.is_open = True
        innermost.set(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            async with self.turn_within:
                await self.end_reads_of_outer()
                await super().__aexit__(kind, error, traceback)
        finally:
            self.is_open = False
            innermost.set(self.outer)
            self.turn.release()

    async def commit(self) -> None:
        async with self.turn_within:
            await self.end_reads_of_outer()
            await super().commit()

    async def rollback(self) -> None:
        async with self.turn_within:
            await self.end_reads_of_outer()
            await super().rollback()

    async def end_reads_of_outer(self) -> None:
        """Ends savepoints in which nothing was written: their end would undo our commit."""
        outer = self.outer
        while outer is not None:
            session = outer.sync_session
            has_changes = session.info.get("has_written") or session.new or session.dirty
            if outer.in_transaction() and not has_changes and not session.deleted:
                await AsyncSession.commit(outer)
            outer = outer.outer


# A task inherits it from the one that started it.
innermost: ContextVar[SessionInTurn | None] = ContextVar("innermost", default=None)


@contextmanager
def unchanged(app: FastAPI) -> Iterator[None]:
    """Restores the routes, state, overrides, middleware and handlers of an app."""
    parts = [vars(app), vars(app.state)["_state"], {"routes": app.router.routes}]
    before = [{name: (value, copy(value)) for name, value in part.items()} for part in parts]
    yield
    for part, values in zip(parts, before, strict=True):
        part.clear()
        for name, (value, contents) in values.items():
            part[name] = value
            if isinstance(value, list):
                value[:] = contents
            elif isinstance(value, dict):
                value.clear()
                value.update(contents)
    app.router.routes = parts[2]["routes"]


def copy(value: Any) -> Any:
    return value.copy() if isinstance(value, list | dict) else None


@asynccontextmanager
async def all_tasks_end() -> AsyncIterator[None]:
    """Waits for what a test has started, such as a cancelled query: it needs its connection."""
    before = asyncio.all_tasks()
    yield
    if tasks := asyncio.all_tasks() - before - {asyncio.current_task()}:
        _, pending = await asyncio.wait(tasks, timeout=SECONDS_TO_END)
        for task in pending:
            task.cancel()
        if pending:
            names = ", ".join(str(task.get_coro()) for task in pending)
            pytest.fail(f"The test left a task that goes on: {names}. Cancel it and await it.")
