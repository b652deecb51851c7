"""A web service as people write it: a session per request, opened in a middleware and closed in `finally`."""

import asyncio

import httpx
import pytest
import sqlalchemy as sa
from alchemy_models import Base, Item, User, place_id, places
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from harness.process import wait_until
from shops import BACKENDS, backends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

DRIVERS = {"postgresql": ["postgresql+asyncpg", "postgresql+psycopg"],
           "mysql": ["mysql+asyncmy", "mysql+aiomysql"]}
REQUESTS = 40
TOKEN = {"x-token": "let-me-in"}


def with_token(x_token: str = Header("")) -> None:
    if x_token != TOKEN["x-token"]:
        raise HTTPException(400, "X-Token header invalid")


def session_of(request: Request) -> AsyncSession:
    return request.state.db


users = APIRouter(prefix="/users", dependencies=[Depends(with_token)])


@users.post("")
async def create_user(name: str, items: int = 0, db: AsyncSession = Depends(session_of)):
    user = User(name=name, items=[Item(title=f"{name}.{n}") for n in range(items)])
    db.add(user)
    await db.commit()
    return {"id": user.id}


@users.get("/{number}")
async def read_user(number: int, db: AsyncSession = Depends(session_of)):
    user = await db.scalar(sa.select(User).where(User.id == number).options(selectinload(User.items)))
    if user is None:
        raise HTTPException(404, "User not found")
    return {"name": user.name, "items": [item.title for item in user.items]}


@users.delete("/{number}")
async def forget_and_fail(number: int, db: AsyncSession = Depends(session_of)):
    """A bug: it raises after its statements and commits nothing."""
    await db.execute(sa.delete(Item).where(Item.owner_id == number))
    raise RuntimeError("a bug in the service")


def service(engine) -> FastAPI:
    app, sessions = FastAPI(), async_sessionmaker(engine, expire_on_commit=False)
    app.include_router(users)

    @app.middleware("http")
    async def session_per_request(request: Request, call_next):
        request.state.db = sessions()
        try:
            return await call_next(request)
        finally:
            await request.state.db.close()

    return app


@pytest.fixture(params=places(DRIVERS), ids=place_id)
def run(request, shop):
    """run(test): awaits test(client, engine) of a service with its own pool of 10 connections."""
    name, driver = request.param
    at = shop(name, "service_" + driver.split("+")[1])

    async def whole(test):
        engine = create_async_engine(at.url(driver), pool_size=10)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        transport = httpx.ASGITransport(service(engine), raise_app_exceptions=False)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=TOKEN) as client:
                await test(client)
        finally:
            await engine.dispose()

    run = lambda test: asyncio.run(whole(test))  # noqa: E731
    run.at = at
    return run


def test_many_requests_at_once(run):
    async def test(client):
        async def one(number):
            made = await client.post("/users", params={"name": f"user {number}", "items": number % 4})
            assert made.status_code == 200, made.text
            read = await client.get(f"/users/{made.json()['id']}")
            assert read.json() == {"name": f"user {number}",
                                   "items": [f"user {number}.{n}" for n in range(number % 4)]}
        await asyncio.gather(*map(one, range(REQUESTS)))
        if run.at.sluice:
            assert 0 < backends(run.at) <= BACKENDS

    run(test)


def test_a_failing_request_is_rolled_back_and_gives_its_backend_back(run):
    async def test(client):
        number = (await client.post("/users", params={"name": "kept", "items": 2})).json()["id"]
        failed = await asyncio.gather(*(client.delete(f"/users/{number}") for _ in range(REQUESTS)))
        assert {answer.status_code for answer in failed} == {500}
        assert (await client.get(f"/users/{number}")).json()["items"] == ["kept.0", "kept.1"]
        assert (await client.get("/users/0")).status_code == 404
        assert (await client.get("/users/1", headers={"x-token": "wrong"})).status_code == 400

    run(test)
    if run.at.sluice:
        wait_until(lambda: run.at.sluice.metric("sluice_pool_connections", state="used") == 0, 5,
                   "every backend is given back")
