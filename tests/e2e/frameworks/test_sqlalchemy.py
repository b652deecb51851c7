"""SQLAlchemy 2 with its synchronous drivers: its own pool in front of ours, on every server."""

import pytest
import sqlalchemy as sa
from alchemy_models import Base, Item, Pet, User, count_of, place_id, places
from shops import BACKENDS, CLIENTS, LEVELS, backends, own_level, pins, together
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.pool import NullPool

DRIVERS = {"postgresql": ["postgresql+psycopg", "postgresql+psycopg2"],
           "mysql": ["mysql+pymysql", "mysql+mysqlconnector", "mysql+mysqldb"]}


@pytest.fixture(scope="module")
def at_of(shop):
    """at_of(place): the Endpoint of that server and driver, its tables made through sluice by SQLAlchemy."""
    made = {}

    def get(place):
        name, driver = place
        if place not in made:
            at = shop(name, "sa_" + driver.split("+")[1])
            engine = sa.create_engine(at.url(driver))
            Base.metadata.create_all(engine)
            Base.metadata.create_all(engine)  # looks, and finds them
            engine.dispose()
            made[place] = at
        return made[place]

    return get


@pytest.fixture(params=places(DRIVERS), ids=place_id)
def make_engine(request, at_of):
    at, driver = at_of(request.param), request.param[1]
    engines = []

    def make(user=at.user, **options):
        engines.append(sa.create_engine(at.with_(user=user).url(driver), pool_pre_ping=True, **options))
        return engines[-1]

    make.at = at
    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine(make_engine):
    return make_engine()


def test_create_read_update_delete_and_rollback(engine):
    with Session(engine) as session:
        owner = User(name="barbara", items=[Item(title=f"item {n}") for n in range(3)])
        session.add(owner)
        session.flush()
        session.add_all(Pet(name=f"pet {n}", type="cat", owner=owner.id) for n in range(10))
        session.commit()
        number = owner.id

    with Session(engine) as session:
        mine = sa.select(Pet).where(Pet.owner == number).order_by(Pet.id)
        assert [p.name for p in session.scalars(mine)] == [f"pet {n}" for n in range(10)]
        session.scalars(mine).first().type = "dog"
        session.commit()
        counted = session.execute(sa.select(Pet.type, sa.func.count()).where(Pet.owner == number)
                                  .group_by(Pet.type).order_by(Pet.type)).all()
        assert counted == [("cat", 9), ("dog", 1)]

    with Session(engine) as session:
        session.execute(sa.delete(Pet).where(Pet.owner == number))
        session.rollback()
        left = session.scalar(sa.select(sa.func.count()).select_from(Pet).where(Pet.owner == number))
        assert left == 10
        session.execute(sa.delete(Pet).where(Pet.owner == number))
        session.delete(session.get(User, number))
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).where(Item.owner_id == number)) == 0


def test_an_error_rolls_back(engine):
    with pytest.raises(IntegrityError), Session(engine) as session, session.begin():
        session.add(User(name="never"))
        session.flush()
        session.add(Pet(name="stray", type="cat", owner=-1))
        session.flush()
    with Session(engine) as session:
        assert session.scalar(count_of("never")) == 0


def test_savepoints(engine):
    with Session(engine) as session, session.begin():
        session.add(User(name="outer"))
        for keep in (True, False, True):
            nested = session.begin_nested()
            session.add(User(name="inner"))
            session.flush()
            (nested.commit if keep else nested.rollback)()
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(sa.insert(Pet).values(name="stray", type="cat", owner=-1))
    with Session(engine) as session, session.begin():
        assert (session.scalar(count_of("outer")), session.scalar(count_of("inner"))) == (1, 2)
        session.execute(sa.delete(User).where(User.name.in_(["outer", "inner"])))


@pytest.mark.parametrize("load", [None, selectinload, joinedload], ids=["lazy", "selectin", "joined"])
def test_related_rows(engine, load):
    with Session(engine) as session, session.begin():
        session.add_all(User(name=f"related {n}", items=[Item(title=f"{n}.{m}") for m in range(n)])
                        for n in range(5))
    with Session(engine) as session, session.begin():
        asked = sa.select(User).where(User.name.like("related %")).order_by(User.name)
        users = session.scalars(asked.options(load(User.items)) if load else asked).unique().all()
        assert [[item.title for item in user.items] for user in users] == [
            [f"{n}.{m}" for m in range(n)] for n in range(5)]
        for user in users:
            session.delete(user)


def test_bulk_rows_and_a_streamed_result(engine):
    with Session(engine) as session, session.begin():
        owner = User(name="bulk")
        session.add(owner)
        session.flush()
        session.execute(sa.insert(Item), [{"title": f"item {n}", "price": n, "owner_id": owner.id}
                                          for n in range(3000)])
        number = owner.id
    with Session(engine) as session, session.begin():
        asked = sa.select(Item.price).where(Item.owner_id == number).order_by(Item.price)
        streamed = session.execute(asked.execution_options(yield_per=100))
        assert list(streamed.scalars()) == list(range(3000))
        # One that is left half read: what is behind it must still work.
        assert session.execute(asked.execution_options(yield_per=100)).scalars().first() == 0
        session.execute(sa.update(Item).where(Item.owner_id == number).values(price=Item.price + 1))
        assert session.scalar(sa.select(sa.func.sum(Item.price)).where(Item.owner_id == number)) == sum(
            range(3001))
        session.execute(sa.delete(Item).where(Item.owner_id == number))
        session.execute(sa.delete(User).where(User.id == number))


def test_more_sessions_than_backends(make_engine):
    """Each with a connection of its own, as many processes of a service have."""
    engine, at, before = make_engine(poolclass=NullPool), make_engine.at, pins(make_engine.at)

    def one(number):
        seen = []
        for turn in range(4):
            with Session(engine) as session, session.begin():
                user = User(name=f"crowd {number}", items=[Item(title=f"{number}.{turn}")])
                session.add(user)
                session.flush()
                seen.append(session.scalar(sa.select(Item.title).where(Item.owner_id == user.id)))
        return seen

    assert together(one) == [[f"{n}.{turn}" for turn in range(4)] for n in range(CLIENTS)]
    if at.sluice:
        assert 0 < backends(at) <= BACKENDS
        assert pins(at) == before
    with Session(engine) as session, session.begin():
        assert session.scalar(sa.select(sa.func.count()).where(User.name.like("crowd %"))) == 4 * CLIENTS
        session.execute(sa.delete(Item).where(Item.owner_id.in_(sa.select(User.id).where(User.name.like("crowd %")))))
        session.execute(sa.delete(User).where(User.name.like("crowd %")))


def test_statements_that_the_driver_prepares(make_engine):
    """psycopg prepares from the first use on, mysql.connector with its prepared cursors; the others cannot."""
    driver = make_engine().dialect.driver
    options = {"psycopg": {"connect_args": {"prepare_threshold": 0}},
               "psycopg2": {"executemany_mode": "values_plus_batch"}}.get(driver, {})
    engine = make_engine(pool_size=CLIENTS, **options)

    def one(number):
        with engine.connect() as connection:
            for turn in range(20):
                asked = sa.select(sa.literal(number) + turn, sa.literal(f"text {turn % 7}"))
                assert connection.execute(asked).one() == (number + turn, f"text {turn % 7}")
                connection.commit()
        return number

    assert together(one) == list(range(CLIENTS))


@pytest.mark.parametrize("level", ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE",
                                   "AUTOCOMMIT"])
def test_isolation_level_of_the_engine(make_engine, level):
    engine = make_engine(isolation_level=level)
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
            if level != "AUTOCOMMIT":
                assert connection.get_isolation_level() == level
            connection.rollback()
    plain = make_engine()
    with plain.connect() as connection:
        assert connection.get_isolation_level() == own_level(make_engine.at)


def test_isolation_level_of_one_connection(make_engine):
    engine = make_engine()
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        assert connection.get_isolation_level() == "SERIALIZABLE"
        assert connection.scalar(count_of("nobody")) == 0
    with engine.connect() as connection:
        assert connection.get_isolation_level() == own_level(make_engine.at)


def test_isolation_level_of_one_transaction(make_engine):
    engine = make_engine()
    with Session(engine) as session:
        connection = session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
        assert connection.get_isolation_level() == "SERIALIZABLE"
        session.add(User(name="serial"))
        session.commit()
        assert session.connection().get_isolation_level() == own_level(make_engine.at)
        session.execute(sa.delete(User).where(User.name == "serial"))
        session.commit()


@pytest.mark.proxy_only
@pytest.mark.parametrize("user", LEVELS)
def test_isolation_level_of_the_route(make_engine, user):
    """Neither the service's code nor its configuration says a word about it."""
    routed, plain = make_engine(user=user), make_engine()
    for _ in range(3):  # fewer backends than routes: they serve all of them in turn
        with routed.connect() as connection:
            assert connection.get_isolation_level() == LEVELS[user]
        with plain.connect() as connection:
            assert connection.get_isolation_level() == own_level(make_engine.at)

    with Session(routed) as reader, Session(plain) as writer:
        before = reader.scalar(count_of("just created"))
        writer.add(User(name="just created"))
        writer.commit()
        seen = reader.scalar(count_of("just created")) - before
        assert seen == (1 if user == "fresh" else 0)
        reader.commit()
        assert reader.scalar(count_of("just created")) == before + 1


@pytest.mark.proxy_only
@pytest.mark.parametrize("user", LEVELS)
def test_the_client_s_level_wins_over_the_route_s(make_engine, user):
    strict, routed = make_engine(user=user, isolation_level="SERIALIZABLE"), make_engine(user=user)
    for _ in range(2):
        with strict.connect() as connection:
            assert connection.get_isolation_level() == "SERIALIZABLE"
        with routed.connect() as connection:
            assert connection.get_isolation_level() == LEVELS[user]
        with routed.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
            assert connection.get_isolation_level() == "SERIALIZABLE"


def test_pre_ping_after_the_backends_died(make_engine):
    engine = make_engine()
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
    make_engine.at.server.kill_backends()
    with engine.connect() as connection:
        assert connection.scalar(count_of("nobody")) == 0


def test_many_sessions_at_once(make_engine):
    engine = make_engine(pool_size=10, max_overflow=10)

    def one(number):
        with Session(engine) as session:
            return session.scalar(sa.select(sa.literal(number % 1000)))

    assert together(one, 20) == list(range(20))
    assert together(lambda n: [one(n) for _ in range(10)], 20) == [[n] * 10 for n in range(20)]
