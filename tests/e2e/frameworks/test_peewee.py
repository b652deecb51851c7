"""Peewee on every server, with psycopg2, psycopg, PyMySQL and mysql.connector."""

import peewee
import pytest
from conftest import ALL
from playhouse.mysql_ext import MySQLConnectorDatabase
from shops import (BACKENDS, CLIENTS, GUEST, LEVELS, REFUSED, TOKEN_IN, backends, bearer, level_name, level_query,
                   own_level, pins, together)


class User(peewee.Model):
    name = peewee.CharField(max_length=100, index=True)

    class Meta:
        table_name = "users"


class Item(peewee.Model):
    title = peewee.CharField(max_length=100)
    price = peewee.IntegerField(default=0)
    owner = peewee.ForeignKeyField(User, backref="items", on_delete="CASCADE")

    class Meta:
        table_name = "items"


class Pet(peewee.Model):
    name = peewee.CharField(max_length=100)
    type = peewee.CharField(max_length=100)
    owner = peewee.ForeignKeyField(User, backref="pets")

    class Meta:
        table_name = "pets"


MODELS = [User, Item, Pet]
DRIVERS = {"postgresql": ["psycopg2", "psycopg"], "mysql": ["pymysql", "mysqlconnector"]}
PLACES = [(name, driver) for name in ALL for driver in DRIVERS["postgresql" if name.startswith("pg") else "mysql"]]


def database(at, driver: str, **options) -> peewee.Database:
    login = {"host": at.host, "port": at.port, "user": at.user, "password": at.password, **options}
    if driver == "mysqlconnector":
        return MySQLConnectorDatabase(at.database, use_pure=True, **login)
    if at.postgresql:
        return peewee.PostgresqlDatabase(at.database, prefer_psycopg3=driver == "psycopg", **login)
    return peewee.MySQLDatabase(at.database, **login)


@pytest.fixture(scope="module")
def at_of(shop):
    made = {}

    def get(place):
        if place not in made:
            at = shop(place[0], f"peewee_{place[1]}")
            with database(at, place[1]) as db, db.bind_ctx(MODELS):
                db.create_tables(MODELS)
            made[place] = at
        return made[place]

    return get


class Shop:
    """An Endpoint with a driver, and the databases that one test makes; they are closed with it."""

    def __init__(self, at, driver: str):
        self.at, self.driver, self.opened = at, driver, []

    def database(self, user=None, **options) -> peewee.Database:
        self.opened.append(database(self.at.with_(user=user or self.at.user), self.driver, **options))
        return self.opened[-1]

    def close(self) -> None:
        for one in self.opened:
            one.close()


@pytest.fixture(params=PLACES, ids="-".join)
def shop_at(request, at_of):
    shop = Shop(at_of(request.param), request.param[1])
    yield shop
    shop.close()


@pytest.fixture
def db(shop_at):
    """A database with the models bound to it."""
    one = shop_at.database()
    with one.bind_ctx(MODELS):
        yield one


def isolation(db, at) -> str:
    return level_name(db.execute_sql(level_query(at)).fetchone()[0])


def test_create_read_update_delete(db):
    owner = User.create(name="barbara")
    Item.insert_many([{"title": f"item {n}", "price": n, "owner": owner} for n in range(5)]).execute()
    Pet.create(name="tib", type="cat", owner=owner)
    assert [item.title for item in owner.items.order_by(Item.id)] == [f"item {n}" for n in range(5)]
    assert Item.update(price=Item.price * 2).where(Item.owner == owner).execute() == 4 + (
        isinstance(db, peewee.PostgresqlDatabase))  # MySQL counts those that changed: 0 * 2 did not
    assert Item.select(peewee.fn.SUM(Item.price)).where(Item.owner == owner).scalar() == 20
    with pytest.raises(peewee.IntegrityError):
        owner.delete_instance()
    assert owner.delete_instance(recursive=True) == 1
    assert Item.select().where(Item.owner == owner.id).count() == 0


def test_atomic_and_savepoints(db):
    with pytest.raises(peewee.IntegrityError), db.atomic():
        User.create(name="never")
        Pet.create(name="stray", type="cat", owner=-1)
    with db.atomic() as outer:
        User.create(name="outer")
        with pytest.raises(ZeroDivisionError), db.atomic():
            User.create(name="never")
            1 / 0
        with db.atomic():
            User.create(name="inner")
        outer.commit()
        User.create(name="never")
        outer.rollback()
    names = [user.name for user in User.select().where(User.name << ["outer", "inner", "never"])]
    assert sorted(names) == ["inner", "outer"]
    with db.manual_commit():
        db.begin()
        User.delete().execute()
        db.rollback()
    assert User.delete().where(User.name << ["outer", "inner"]).execute() == 2


def test_related_rows(db):
    for n in range(4):
        owner = User.create(name=f"related {n}")
        Item.bulk_create([Item(title=f"{n}.{m}", owner=owner) for m in range(n)], batch_size=2)
    users = User.select().where(User.name.startswith("related ")).order_by(User.name)
    expected = [[f"{n}.{m}" for m in range(n)] for n in range(4)]
    assert [[item.title for item in user.items.order_by(Item.id)] for user in users] == expected
    assert [[item.title for item in user.items] for user in users.prefetch(Item.select().order_by(Item.id))] == expected
    joined = Item.select(Item, User).join(User).where(User.name == "related 3")
    assert {item.owner.name for item in joined} == {"related 3"}
    Item.delete().execute()
    User.delete().where(User.name.startswith("related ")).execute()


def test_a_streamed_result(db):
    owner = User.create(name="bulk")
    with db.atomic():
        for first in range(0, 3000, 500):
            Item.insert_many([("x", n, owner.id) for n in range(first, first + 500)],
                             fields=[Item.title, Item.price, Item.owner]).execute()
    prices = Item.select(Item.price).where(Item.owner == owner).order_by(Item.price).tuples()
    assert [price for price, in prices.iterator()] == list(range(3000))
    owner.delete_instance(recursive=True)


def test_more_sessions_than_backends(shop_at):
    """A database object for all threads: each thread has a connection of its own."""
    db, before = shop_at.database(), pins(shop_at.at)

    def one(number):
        with db.connection_context():
            for turn in range(4):
                with db.atomic():
                    user = User.create(name=f"crowd {number}")
                    Item.create(title=f"{number}.{turn}", owner=user)
                    assert user.items.get().title == f"{number}.{turn}"
                assert User.select().where(User.name == f"crowd {number}").count() == turn + 1
        return number

    with db.bind_ctx(MODELS, bind_refs=False):
        assert together(one) == list(range(CLIENTS))
        if shop_at.at.sluice:
            assert 0 < backends(shop_at.at) <= BACKENDS
            assert pins(shop_at.at) == before
        Item.delete().execute()
        assert User.delete().where(User.name.startswith("crowd ")).execute() == 4 * CLIENTS


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_isolation_level_of_the_client(shop_at, level):
    db = shop_at.database()
    assert isolation(db, shop_at.at) == own_level(shop_at.at)
    with db.atomic(isolation_level=level):
        if shop_at.at.postgresql:  # MySQL's variable does not show what is for one transaction only
            assert isolation(db, shop_at.at) == level
        assert db.execute_sql("SELECT 1").fetchone()[0] == 1
    assert isolation(db, shop_at.at) == own_level(shop_at.at)


@pytest.mark.proxy_only
@pytest.mark.parametrize("user", LEVELS)
def test_isolation_level_of_the_route(shop_at, user):
    routed, plain = shop_at.database(user), shop_at.database()
    for _ in range(3):
        assert isolation(routed, shop_at.at) == LEVELS[user]
        assert isolation(plain, shop_at.at) == own_level(shop_at.at)
    count = "SELECT COUNT(*) FROM users WHERE name = 'just created'"
    with routed.atomic():
        before = routed.execute_sql(count).fetchone()[0]
        plain.execute_sql("INSERT INTO users (name) VALUES ('just created')")
        assert routed.execute_sql(count).fetchone()[0] - before == (1 if user == "fresh" else 0)
    assert routed.execute_sql(count).fetchone()[0] == before + 1
    if shop_at.at.postgresql:
        with routed.atomic(isolation_level="SERIALIZABLE"):
            assert isolation(routed, shop_at.at) == "SERIALIZABLE"
    assert isolation(routed, shop_at.at) == LEVELS[user]


def with_token(driver: str, token: str) -> dict:
    return {TOKEN_IN["mysql"]: token} if driver == "pymysql" else {
        "options": f"-c {TOKEN_IN['postgresql']}={token}"}


# Without its C extension mysql.connector sends no more than 255 bytes of attributes.
@pytest.mark.proxy_only
@pytest.mark.parametrize("shop_at", [place for place in PLACES if place[1] != "mysqlconnector"], ids="-".join,
                         indirect=True)
def test_a_token(shop_at):
    good = shop_at.database(GUEST, **with_token(shop_at.driver, bearer(True)))
    assert good.execute_sql("SELECT COUNT(*) FROM users WHERE name = 'nobody'").fetchone()[0] == 0
    for options in (with_token(shop_at.driver, bearer(False)), {}):
        with pytest.raises(Exception, match=REFUSED):
            shop_at.database(GUEST, **options).connect()
