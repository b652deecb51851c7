"""SQLAlchemy 2 with its asynchronous drivers."""

import asyncio

import pytest
import sqlalchemy as sa
from alchemy_models import Base, Item, Pet, User, count_of, place_id, places
from shops import BACKENDS, CLIENTS, GUEST, LEVELS, REFUSED, TOKEN_IN, backends, bearer, own_level, pins
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import selectinload
from sqlalchemy.pool import NullPool

DRIVERS = {"postgresql": ["postgresql+asyncpg", "postgresql+psycopg"],
           "mysql": ["mysql+asyncmy", "mysql+aiomysql"]}


class Shop:
    """An Endpoint with a driver, and the engines that one test makes; they end with it."""

    def __init__(self, at, driver: str):
        self.at, self.driver, self.engines = at, driver, []

    def engine(self, user=None, **options):
        at = self.at.with_(user=user or self.at.user)
        self.engines.append(create_async_engine(at.url(self.driver), **options))
        return self.engines[-1]

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for engine in self.engines:
            await engine.dispose()


async def level_of(connection) -> str:
    return await connection.run_sync(lambda one: one.get_isolation_level())


async def make_tables(at, driver: str) -> None:
    async with Shop(at, driver) as shop, shop.engine().begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


@pytest.fixture(scope="module")
def at_of(shop):
    """at_of(place): the Endpoint of that server and driver, its tables made through sluice by SQLAlchemy."""
    made = {}

    def get(place):
        if place not in made:
            made[place] = shop(place[0], "sa_async_" + place[1].split("+")[1])
            asyncio.run(make_tables(made[place], place[1]))
        return made[place]

    return get


@pytest.fixture(params=places(DRIVERS), ids=place_id)
def run(request, at_of):
    """run(test): awaits test(shop) and ends its engines."""
    at = at_of(request.param)

    async def whole(test):
        async with Shop(at, request.param[1]) as shop:
            return await test(shop)

    return lambda test: asyncio.run(whole(test))


def test_create_read_update_delete_and_rollback(run):
    async def test(shop):
        engine = shop.engine()
        async with AsyncSession(engine) as session:
            session.add(User(name="barbara", items=[Item(title=f"item {n}") for n in range(3)],
                             pets=[Pet(name="tib", type="cat")]))
            await session.commit()
        async with AsyncSession(engine) as session:
            asked = sa.select(User).where(User.name == "barbara").options(selectinload(User.items),
                                                                          selectinload(User.pets))
            owner = (await session.scalars(asked)).one()
            assert [item.title for item in owner.items] == ["item 0", "item 1", "item 2"]
            number, owner.items[0].price = owner.id, 7
            await session.delete(owner.items[2])
            await session.commit()
            left = sa.select(Item.title, Item.price).where(Item.owner_id == number).order_by(Item.id)
            await session.execute(sa.delete(Item))
            await session.rollback()
            assert (await session.execute(left)).all() == [("item 0", 7), ("item 1", 0)]
            await session.execute(sa.delete(Pet))
            owner = await session.scalar(asked.execution_options(populate_existing=True))
            await session.delete(owner)
            await session.commit()
            assert await session.scalar(count_of("barbara")) == 0

    run(test)


def test_errors_and_savepoints(run):
    async def test(shop):
        engine = shop.engine()
        stray = sa.insert(Pet).values(name="stray", type="cat", owner=-1)
        with pytest.raises(IntegrityError):
            async with AsyncSession(engine) as session, session.begin():
                session.add(User(name="never"))
                await session.flush()
                await session.execute(stray)
        async with AsyncSession(engine) as session, session.begin():
            session.add(User(name="outer"))
            nested = await session.begin_nested()
            session.add(User(name="never"))
            await session.flush()
            await nested.rollback()
            with pytest.raises(IntegrityError):
                async with session.begin_nested():
                    await session.execute(stray)
        async with AsyncSession(engine) as session, session.begin():
            assert await session.scalar(count_of("never")) == 0
            assert await session.scalar(count_of("outer")) == 1
            await session.execute(sa.delete(User).where(User.name == "outer"))

    run(test)


def test_bulk_rows_and_a_streamed_result(run):
    async def test(shop):
        engine = shop.engine()
        async with AsyncSession(engine) as session, session.begin():
            owner = User(name="bulk")
            session.add(owner)
            await session.flush()
            await session.execute(sa.insert(Item), [
                {"title": f"item {n}", "price": n, "owner_id": owner.id} for n in range(2000)])
            number = owner.id
        async with engine.connect() as connection:
            asked = sa.select(Item.price).where(Item.owner_id == number).order_by(Item.price)
            async with connection.stream(asked.execution_options(yield_per=100)) as streamed:
                assert [row.price async for row in streamed] == list(range(2000))
            async with connection.stream(asked.execution_options(yield_per=100)) as streamed:
                assert (await anext(aiter(streamed))).price == 0  # the rest is not read
            assert await connection.scalar(sa.select(sa.func.count()).where(Item.owner_id == number)) == 2000
            await connection.execute(sa.delete(Item).where(Item.owner_id == number))
            await connection.execute(sa.delete(User).where(User.id == number))
            await connection.commit()

    run(test)


@pytest.mark.parametrize("cached", [True, False], ids=["cache", "no-cache"])
def test_more_sessions_than_backends(run, cached):
    """With the drivers' caches of prepared statements as they are, and without."""
    async def test(shop):
        options = {}
        if not cached:
            options = {"postgresql+asyncpg": {"connect_args": {"prepared_statement_cache_size": 0,
                                                               "statement_cache_size": 0}},
                       "postgresql+psycopg": {"connect_args": {"prepare_threshold": None}}}.get(shop.driver, {})
        elif shop.driver == "postgresql+psycopg":
            options = {"connect_args": {"prepare_threshold": 1}}
        engine, before = shop.engine(pool_size=CLIENTS, **options), pins(shop.at)

        async def one(number):
            seen = []
            for turn in range(5):
                async with AsyncSession(engine) as session, session.begin():
                    user = User(name=f"crowd {number}", items=[Item(title=f"{number}.{turn}")])
                    session.add(user)
                    await session.flush()
                    seen.append(await session.scalar(sa.select(Item.title).where(Item.owner_id == user.id)))
            return seen

        assert await asyncio.gather(*map(one, range(CLIENTS))) == [
            [f"{n}.{turn}" for turn in range(5)] for n in range(CLIENTS)]
        if shop.at.sluice:
            assert 0 < backends(shop.at) <= BACKENDS
            assert pins(shop.at) == before
        async with engine.begin() as connection:
            await connection.execute(sa.delete(Item))
            gone = await connection.execute(sa.delete(User).where(User.name.like("crowd %")))
            assert gone.rowcount == 5 * CLIENTS

    run(test)


def test_a_cancelled_request_leaves_nothing_behind(run):
    """The client of the service went away: its task is cancelled in the middle of a transaction."""
    async def test(shop):
        engine = shop.engine(poolclass=NullPool)
        nap = sa.text("SELECT pg_sleep(30)" if shop.at.postgresql else "SELECT SLEEP(30)")

        async def request():
            async with AsyncSession(engine) as session, session.begin():
                session.add(User(name="cancelled"))
                await session.flush()
                await session.execute(nap)

        tasks = [asyncio.create_task(request()) for _ in range(2)]
        await asyncio.wait(tasks, timeout=1)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, (asyncio.CancelledError, sa.exc.DBAPIError)) for one in ended), ended
        async with asyncio.timeout(15), engine.connect() as connection:
            assert await connection.scalar(count_of("cancelled")) == 0

    run(test)


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT"])
def test_isolation_level_of_the_client(run, level):
    async def test(shop):
        whole, plain = shop.engine(isolation_level=level), shop.engine()

        async with whole.connect() as connection:
            assert await connection.scalar(sa.text("SELECT 1")) == 1
            if level != "AUTOCOMMIT":
                assert await level_of(connection) == level
        async with plain.connect() as connection:
            assert await level_of(connection) == own_level(shop.at)
            await connection.rollback()
            one = await connection.execution_options(isolation_level=level)
            assert await one.scalar(sa.text("SELECT 1")) == 1
            if level != "AUTOCOMMIT":
                assert await level_of(one) == level
        async with plain.connect() as connection:
            assert await level_of(connection) == own_level(shop.at)

    run(test)


@pytest.mark.proxy_only
@pytest.mark.parametrize("user", LEVELS)
def test_isolation_level_of_the_route(run, user):
    async def test(shop):
        routed, plain = shop.engine(user=user), shop.engine()
        for _ in range(3):
            async with routed.connect() as connection:
                assert await level_of(connection) == LEVELS[user]
            async with plain.connect() as connection:
                assert await level_of(connection) == own_level(shop.at)
        async with AsyncSession(routed) as reader, AsyncSession(plain) as writer:
            before = await reader.scalar(count_of("just created"))
            writer.add(User(name="just created"))
            await writer.commit()
            assert await reader.scalar(count_of("just created")) - before == (1 if user == "fresh" else 0)
            await reader.rollback()
            one = await reader.connection(execution_options={"isolation_level": "SERIALIZABLE"})
            assert await level_of(one) == "SERIALIZABLE"

    run(test)


def with_token(driver: str, token: str) -> dict:
    """The connect_args of each driver."""
    return {"postgresql+asyncpg": {"server_settings": {TOKEN_IN["postgresql"]: token}},
            "postgresql+psycopg": {"options": f"-c {TOKEN_IN['postgresql']}={token}"}}.get(
                driver, {TOKEN_IN["mysql"]: token})


@pytest.mark.proxy_only
def test_a_token(run):
    async def test(shop):
        arguments = with_token(shop.driver, bearer(True))
        async with shop.engine(GUEST, connect_args=arguments).connect() as connection:
            assert await connection.scalar(count_of("nobody")) == 0
        for arguments in (with_token(shop.driver, bearer(False)), {}):
            with pytest.raises(Exception, match=REFUSED):
                async with shop.engine(GUEST, connect_args=arguments).connect():
                    pass

    run(test)
