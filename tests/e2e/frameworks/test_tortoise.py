"""Tortoise ORM on every server, with asyncpg and asyncmy."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from conftest import ALL
from shops import (BACKENDS, CLIENTS, GUEST, LEVELS, REFUSED, TOKEN_IN, backends, bearer, level_name, level_query,
                   own_level, pins)
from tortoise import Tortoise
from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.transactions import in_transaction
from tortoise_models import Item, Pet, User


# Tortoise's own STRICT_TRANS_TABLES alone makes MySQL warn, and a session whose last statement has warnings
# keeps its backend until the next one.
SQL_MODE = "'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'"  # asyncmy puts it into a SET as it is


def credentials(at, **options) -> dict:
    """What a service writes into TORTOISE_ORM."""
    engine = "tortoise.backends.asyncpg" if at.postgresql else "tortoise.backends.mysql"
    if not at.postgresql:
        options.setdefault("sql_mode", SQL_MODE)
    return {"engine": engine, "credentials": {
        "host": at.host, "port": at.port, "user": at.user, "password": at.password, "database": at.database,
        **options}}


@asynccontextmanager
async def opened(at, *, routed=None, **options):
    """Tortoise with a connection named after the server, since it keeps statements by that name for ever,
    and another, `NAME-routed`, as the user `routed`."""
    connections = {at.name: credentials(at, **options)}
    if routed:
        connections[at.name + "-routed"] = credentials(at.with_(user=routed), maxsize=1)
    await Tortoise.init({"connections": connections,
                         "apps": {"models": {"models": ["tortoise_models"], "default_connection": at.name}}})
    try:
        yield
    finally:
        await Tortoise.close_connections()


@pytest.fixture(scope="module")
def at_of(shop):
    made = {}

    async def make_tables(at):
        async with opened(at):
            await Tortoise.generate_schemas(safe=True)

    def get(name):
        if name not in made:
            made[name] = shop(name, "tortoise_shop")
            asyncio.run(make_tables(made[name]))
        return made[name]

    return get


@pytest.fixture(params=ALL)
def at(request, at_of):
    return at_of(request.param)


@pytest.fixture
def run(at):
    """run(test, **options): awaits test() with Tortoise opened."""
    async def whole(test, options):
        async with opened(at, **options):
            return await test()

    return lambda test, **options: asyncio.run(whole(test, options))


async def isolation(connection, at) -> str:
    rows = await connection.execute_query_dict(level_query(at))
    return level_name(next(iter(rows[0].values())))


def test_create_read_update_delete(run):
    async def test():
        owner = await User.create(name="barbara")
        await Item.bulk_create([Item(title=f"item {n}", price=n, owner=owner) for n in range(5)])
        pet = await Pet.create(name="tib", type="cat", owner=owner)
        assert [item.title for item in await owner.items.all().order_by("id")] == [f"item {n}" for n in range(5)]
        await Item.filter(owner=owner).update(price=F("price") * 2)
        assert sum(await Item.filter(owner=owner).values_list("price", flat=True)) == 20
        assert (await Item.get_or_create(title="item 0", owner=owner))[1] is False
        with pytest.raises(IntegrityError):
            await owner.delete()
        await pet.delete()
        await owner.delete()
        assert await Item.filter(owner_id=owner.id).count() == 0

    run(test)


def test_transactions_and_savepoints(run, at):
    async def test():
        with pytest.raises(IntegrityError):
            async with in_transaction(at.name):
                await User.create(name="never")
                await Pet.create(name="stray", type="cat", owner_id=-1)
        async with in_transaction(at.name):
            await User.create(name="outer")
            with pytest.raises(ZeroDivisionError):
                async with in_transaction(at.name):
                    await User.create(name="never")
                    1 / 0
            async with in_transaction(at.name):
                await User.create(name="inner")
        names = await User.filter(name__in=["outer", "inner", "never"]).values_list("name", flat=True)
        assert sorted(names) == ["inner", "outer"]
        async with in_transaction(at.name) as transaction:
            locked = await User.select_for_update().get(name="outer")
            locked.name = "changed"
            await locked.save()
            await transaction.rollback()
        assert await User.filter(name__in=["outer", "inner"]).delete() == 2

    run(test)


def test_related_rows(run):
    async def test():
        for n in range(4):
            owner = await User.create(name=f"related {n}")
            await Item.bulk_create([Item(title=f"{n}.{m}", owner=owner) for m in range(n)])
        users = User.filter(name__startswith="related ").order_by("name")
        expected = [[f"{n}.{m}" for m in range(n)] for n in range(4)]
        assert [[item.title for item in await user.items.all().order_by("id")] for user in await users] == expected
        assert [sorted(item.title for item in user.items) for user in await users.prefetch_related("items")] == expected
        joined = await Item.filter(owner__name="related 3").select_related("owner")
        assert {item.owner.name for item in joined} == {"related 3"}
        await User.filter(name__startswith="related ").delete()

    run(test)


def test_more_sessions_than_backends(run, at):
    """asyncpg keeps its cache of prepared statements, and its pool resets each connection that is given back."""
    before = pins(at)

    async def one(number):
        for turn in range(4):
            async with in_transaction(at.name):
                user = await User.create(name=f"crowd {number}")
                await Item.create(title=f"{number}.{turn}", owner=user)
                assert (await Item.get(owner=user)).title == f"{number}.{turn}"
            assert await User.filter(name=f"crowd {number}").count() == turn + 1
        return number

    async def test():
        assert await asyncio.gather(*map(one, range(CLIENTS))) == list(range(CLIENTS))
        if at.sluice:
            assert 0 < backends(at) <= BACKENDS
            assert pins(at) == before
        assert await User.filter(name__startswith="crowd ").delete() == 4 * CLIENTS

    run(test, minsize=CLIENTS, maxsize=CLIENTS)


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_isolation_level_of_the_client(run, at, level):
    async def of_the_connection():
        for _ in range(2):
            assert await isolation(Tortoise.get_connection(at.name), at) == level
            async with in_transaction(at.name) as transaction:
                assert await isolation(transaction, at) == level

    async def of_the_transaction():
        async with in_transaction(at.name) as transaction:
            await transaction.execute_query(f"SET TRANSACTION ISOLATION LEVEL {level}")
            assert await isolation(transaction, at) == level
        assert await isolation(Tortoise.get_connection(at.name), at) == own_level(at)

    if at.postgresql:
        run(of_the_connection, server_settings={"default_transaction_isolation": level.lower()})
        run(of_the_transaction)
    else:
        run(of_the_connection, init_command=f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")


@pytest.mark.proxy_only
@pytest.mark.parametrize("user", LEVELS)
def test_isolation_level_of_the_route(run, at, user):
    async def test():
        routed, plain = Tortoise.get_connection(at.name + "-routed"), Tortoise.get_connection(at.name)
        for _ in range(3):
            assert await isolation(routed, at) == LEVELS[user]
            assert await isolation(plain, at) == own_level(at)
        async with in_transaction(at.name + "-routed") as transaction:
            mine = User.filter(name="just created").using_db(transaction)
            before = await mine.count()
            created = await User.create(name="just created", using_db=plain)
            assert await mine.count() - before == (1 if user == "fresh" else 0)
        assert await User.filter(name="just created").using_db(routed).count() == before + 1
        await created.delete(using_db=plain)

    run(test, routed=user)


@pytest.mark.proxy_only
def test_a_token(at):
    def with_token(token):
        return {"server_settings": {TOKEN_IN["postgresql"]: token}} if at.postgresql else {TOKEN_IN["mysql"]: token}

    async def use(options):
        async with opened(at.with_(user=GUEST), **options):
            assert await User.filter(name="nobody").count() == 0

    asyncio.run(use(with_token(bearer(True))))
    for options in (with_token(bearer(False)), {}):
        with pytest.raises(Exception) as refused:
            asyncio.run(use(options))
        assert REFUSED in str(refused.value) or REFUSED in str(refused.value.__context__)
