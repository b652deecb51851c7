"""Django: its ORM, migrations and transactions on every server, with psycopg and mysqlclient."""

import itertools

import django
import pytest
from conftest import ALL
from django.conf import settings

if not settings.configured:
    settings.configure(INSTALLED_APPS=["django_shop"], MIGRATION_MODULES={"django_shop": None}, USE_TZ=True,
                       DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
                       DATABASES={"default": {"ENGINE": "django.db.backends.dummy"}})
    django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, OperationalError, connections, transaction  # noqa: E402
from django.db.models import Count, F, ProtectedError, Sum  # noqa: E402
from django_shop.models import Item, Pet, User  # noqa: E402
from shops import (BACKENDS, CLIENTS, GUEST, LEVELS, REFUSED, TOKEN_IN, backends, bearer, level_name,  # noqa: E402
                   level_query, own_level, pins, together)

_numbers = itertools.count()


def database(at, **options) -> dict:
    """What a project writes into DATABASES."""
    if at.postgresql:
        return {"ENGINE": "django.db.backends.postgresql", "NAME": at.database, "USER": at.user,
                "PASSWORD": at.password, "HOST": at.host, "PORT": at.port, "OPTIONS": options}
    # Django asks for READ COMMITTED on MySQL by itself; None leaves the level to the route.
    return {"ENGINE": "django.db.backends.mysql", "NAME": at.database, "USER": at.user,
            "PASSWORD": at.password, "HOST": at.host, "PORT": at.port,
            "OPTIONS": {"isolation_level": None, "charset": "utf8mb4", **options}}


@pytest.fixture(scope="module")
def at_of(shop):
    """at_of(name): the Endpoint on that server, its tables made by `migrate` through sluice."""
    made = {}

    def get(name):
        if name not in made:
            at = shop(name, "django_shop")
            with_alias(alias := f"migrate{next(_numbers)}", database(at))
            call_command("migrate", run_syncdb=True, database=alias, verbosity=0, interactive=False)
            forget(alias)
            made[name] = at
        return made[name]

    return get


def with_alias(alias: str, values: dict) -> None:
    connections.settings.update(connections.configure_settings(
        {"default": {"ENGINE": "django.db.backends.dummy"}, alias: values}))


def forget(alias: str) -> None:
    connections[alias].close()
    del connections[alias]
    del connections.settings[alias]


@pytest.fixture(params=ALL)
def use(request, at_of):
    """use(user, **options): the alias of a database of DATABASES; all are closed at the end."""
    at, aliases = at_of(request.param), []

    def get(user=at.user, *, more=(), **options):
        alias = f"shop{next(_numbers)}"
        with_alias(alias, {**database(at.with_(user=user), **options), **dict(more)})
        aliases.append(alias)
        return alias

    get.at = at
    yield get
    for alias in aliases:
        forget(alias)


@pytest.fixture
def db(use):
    return use()


def isolation(alias: str, at) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute(level_query(at))
        return level_name(cursor.fetchone()[0])


def test_create_read_update_delete(db):
    owner = User.objects.using(db).create(name="barbara")
    Item.objects.using(db).bulk_create(Item(title=f"item {n}", price=n, owner=owner) for n in range(5))
    pet = Pet.objects.using(db).create(name="tib", type="cat", owner=owner)
    assert [item.title for item in owner.items.order_by("id")] == [f"item {n}" for n in range(5)]
    assert Item.objects.using(db).filter(owner=owner).update(price=F("price") * 2) == 5
    assert owner.items.aggregate(Sum("price"))["price__sum"] == 20
    assert User.objects.using(db).annotate(n=Count("items")).get(pk=owner.pk).n == 5
    assert Item.objects.using(db).get_or_create(title="item 0", owner=owner)[1] is False
    assert Item.objects.using(db).update_or_create(title="new", owner=owner, defaults={"price": 9})[1] is True
    with pytest.raises(ProtectedError):
        owner.delete()
    pet.delete()
    assert owner.delete()[1] == {"django_shop.Item": 6, "django_shop.User": 1}


def test_atomic_and_savepoints(db):
    with pytest.raises(IntegrityError), transaction.atomic(using=db):
        User.objects.using(db).create(name="never")
        # PostgreSQL finds out at COMMIT, since Django's constraints are deferred there.
        Pet.objects.using(db).create(name="stray", type="cat", owner_id=-1)
    called = []
    with transaction.atomic(using=db):
        User.objects.using(db).create(name="outer")
        with pytest.raises(ZeroDivisionError), transaction.atomic(using=db):
            User.objects.using(db).create(name="never")
            1 / 0
        with transaction.atomic(using=db):
            User.objects.using(db).create(name="inner")
        transaction.on_commit(lambda: called.append(1), using=db)
    assert called == [1]
    assert sorted(User.objects.using(db).filter(name__in=["outer", "inner", "never"]).values_list(
        "name", flat=True)) == ["inner", "outer"]
    with transaction.atomic(using=db):
        locked = User.objects.using(db).select_for_update().get(name="outer")
        locked.name = "changed"
        locked.save()
        transaction.set_rollback(True, using=db)
    assert User.objects.using(db).filter(name__in=["outer", "inner"]).delete()[0] == 2


def test_related_rows(db):
    for n in range(4):
        owner = User.objects.using(db).create(name=f"related {n}")
        Item.objects.using(db).bulk_create(Item(title=f"{n}.{m}", owner=owner) for m in range(n))
    users = User.objects.using(db).filter(name__startswith="related ").order_by("name")
    expected = [[f"{n}.{m}" for m in range(n)] for n in range(4)]
    assert [[item.title for item in user.items.order_by("id")] for user in users] == expected
    assert [[item.title for item in user.items.all()] for user in users.prefetch_related("items")] == expected
    assert {item.owner.name for item in Item.objects.using(db).select_related("owner").filter(
        owner__name__startswith="related ")} == {"related 1", "related 2", "related 3"}
    users.delete()


def test_a_streamed_result(use):
    """On PostgreSQL iterator() declares a cursor: WITH HOLD outside atomic(), which pins its backend."""
    db = use()
    owner = User.objects.using(db).create(name="bulk")
    Item.objects.using(db).bulk_create((Item(title="x", price=n, owner=owner) for n in range(3000)), batch_size=500)
    prices = owner.items.order_by("price").values_list("price", flat=True)
    before = pins(use.at)
    with transaction.atomic(using=db):
        assert list(prices.iterator(chunk_size=100)) == list(range(3000))
    assert pins(use.at) == before
    assert list(prices.iterator(chunk_size=100)) == list(range(3000))
    half = prices.iterator(chunk_size=100)
    assert next(half) == 0
    half.close()
    assert owner.items.count() == 3000
    without = use(more={"DISABLE_SERVER_SIDE_CURSORS": True}.items())
    before = pins(use.at)
    assert sum(Item.objects.using(without).filter(owner_id=owner.pk).values_list("price", flat=True).iterator()) == (
        sum(range(3000)))
    assert pins(use.at) == before
    User.objects.using(db).filter(pk=owner.pk).delete()


def test_more_sessions_than_backends(use):
    """A thread of a server each, whose connection lives from request to request (CONN_MAX_AGE)."""
    options = {"server_side_binding": True} if use.at.postgresql else {}
    db, before = use(more={"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}.items(), **options), pins(use.at)

    def one(number):
        try:
            for turn in range(4):
                with transaction.atomic(using=db):
                    user = User.objects.using(db).create(name=f"crowd {number}")
                    Item.objects.using(db).create(title=f"{number}.{turn}", owner=user)
                    assert user.items.get().title == f"{number}.{turn}"
                assert User.objects.using(db).filter(name=f"crowd {number}").count() == turn + 1
            return number
        finally:
            connections[db].close()

    assert together(one) == list(range(CLIENTS))
    if use.at.sluice:
        assert 0 < backends(use.at) <= BACKENDS
        assert pins(use.at) == before
    assert User.objects.using(db).filter(name__startswith="crowd ").delete()[0] == 2 * 4 * CLIENTS


LEVEL_OPTIONS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


@pytest.mark.parametrize("level", LEVEL_OPTIONS)
def test_isolation_level_of_the_client(use, level):
    if use.at.postgresql:
        from django.db.backends.postgresql.psycopg_any import IsolationLevel
        option = IsolationLevel[level.replace(" ", "_")]
    else:
        option = level.lower()
    mine, plain = use(isolation_level=option), use()
    for _ in range(2):
        with transaction.atomic(using=mine):
            assert isolation(mine, use.at) == level
        assert isolation(plain, use.at) == own_level(use.at)


@pytest.mark.proxy_only
@pytest.mark.parametrize("user", LEVELS)
def test_isolation_level_of_the_route(use, user):
    routed, plain = use(user), use()
    for _ in range(3):
        assert isolation(routed, use.at) == LEVELS[user]
        assert isolation(plain, use.at) == own_level(use.at)
    with transaction.atomic(using=routed):
        mine = User.objects.using(routed).filter(name="just created")
        before = mine.count()
        created = User.objects.using(plain).create(name="just created")
        assert mine.count() - before == (1 if user == "fresh" else 0)
    assert mine.count() == before + 1
    created.delete()
    with transaction.atomic(using=routed), connections[routed].cursor() as cursor:
        if use.at.postgresql:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            assert isolation(routed, use.at) == "SERIALIZABLE"
    assert isolation(routed, use.at) == LEVELS[user]


@pytest.mark.proxy_only
def test_a_token(use):
    """mysqlclient has no connection attributes that one may set: a route for it cannot ask for a token."""
    if not use.at.postgresql:
        with pytest.raises(OperationalError, match=REFUSED):
            User.objects.using(use(GUEST)).count()
        return
    good = use(GUEST, options=f"-c {TOKEN_IN['postgresql']}={bearer(True)}")
    assert User.objects.using(good).filter(name="nobody").count() == 0
    for alias in (use(GUEST, options=f"-c {TOKEN_IN['postgresql']}={bearer(False)}"), use(GUEST)):
        with pytest.raises(OperationalError, match=REFUSED):
            User.objects.using(alias).count()
