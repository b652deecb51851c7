"""The pets example with SQLAlchemy 2, its own pool in front of ours, on both families."""

import pytest
import sqlalchemy as sa
from conftest import ALL
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

DRIVERS = {"postgresql": ["postgresql+psycopg", "postgresql+psycopg2"],
           "mysql": ["mysql+pymysql", "mysql+mysqlconnector"]}


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))


class Pet(Base):
    __tablename__ = "pets"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    type: Mapped[str] = mapped_column(sa.String(100))
    owner: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))


@pytest.fixture(params=[(name, which) for name in ALL for which in (0, 1)],
                ids=lambda p: f"{p[0]}-{p[1]}")
def make_engine(request, house):
    name, which = request.param
    at = house(name)
    driver = DRIVERS[at.server.family][which]
    engines = []

    def make(**options):
        engines.append(sa.create_engine(at.url(driver), pool_pre_ping=True, **options))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


def test_create_read_update_delete_and_rollback(make_engine):
    engine = make_engine(pool_size=5)
    with Session(engine) as session:
        owner = User(name="barbara")
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
        session.execute(sa.delete(User).where(User.id == number))
        session.commit()


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT"])
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
        assert connection.get_isolation_level() == plain.dialect.default_isolation_level


def test_isolation_level_of_one_connection(make_engine):
    engine = make_engine()
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        assert connection.get_isolation_level() == "SERIALIZABLE"
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM users")) >= 3
    with engine.connect() as connection:
        assert connection.get_isolation_level() == engine.dialect.default_isolation_level


def test_pre_ping_after_the_backends_died(make_engine, house, request):
    name = request.node.callspec.params["make_engine"][0]
    engine = make_engine()
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
    house(name).server.kill_backends()
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM pets")) >= 3


def test_many_sessions_at_once(make_engine):
    from concurrent.futures import ThreadPoolExecutor

    engine = make_engine(pool_size=10, max_overflow=10)

    def one(number):
        with Session(engine) as session:
            return session.scalar(sa.select(sa.literal(number)))

    with ThreadPoolExecutor(20) as workers:
        assert list(workers.map(one, range(200))) == list(range(200))
