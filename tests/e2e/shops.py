"""What the tests of the frameworks share: databases of their own behind one sluice in transaction mode,
which has fewer backends than they have clients, and two users whose route sets the isolation level."""

from concurrent.futures import ThreadPoolExecutor

from harness import schema, tokens
from harness.process import LOOPBACK

BACKENDS = 3
CLIENTS = 12
LEVELS = {"fresh": "READ COMMITTED", "snapshot": "REPEATABLE READ"}  # by user, which is the route's name too

GUEST = "guest"  # a user whose route asks for a token
# By the family. The drivers of MySQL have no other attribute that their users may set.
TOKEN_IN = {"postgresql": "sluice.token", "mysql": "program_name"}
REFUSED = "X-Token header invalid"


def url_without_database(server) -> str:
    return f"{server.scheme}://{schema.APP}:{schema.PASSWORD}@{LOOPBACK}:{server.port}"


def make_database(server, name: str) -> None:
    if server.family == "postgresql":
        server.admin(f"CREATE DATABASE {name} OWNER {schema.APP}", "postgres")
    else:
        server.admin(f"CREATE DATABASE {name} CHARACTER SET utf8mb4//"
                     f"GRANT ALL ON {name}.* TO {schema.APP}@'{LOOPBACK}'")


def config(base: dict) -> dict:
    """`base` of conftest.config_for with the routes of LEVELS and GUEST before its own."""
    base["pools"]["main"]["pool_size"] = BACKENDS
    base["users"] += [{"name": user, "password": schema.PASSWORD} for user in (*LEVELS, GUEST)]
    token = {"parameter": TOKEN_IN[base["listeners"][0]["protocol"]], "hmac_sha256_secret": tokens.SECRET}
    guest = {"name": GUEST, "match": {"user": GUEST}, "pool": "main", "middleware": [{"require_token": token}],
             "on_refuse": {"message": REFUSED}}
    base["routes"] = [{"name": user, "match": {"user": user}, "pool": "main", "isolation_level": level}
                      for user, level in LEVELS.items()] + [guest] + base["routes"]
    return base


def bearer(good: bool) -> str:
    """A token that the route of GUEST takes, or one of another issuer."""
    return tokens.hs256() if good else tokens.hs256(secret="another secret of thirty-two byte")


def level_query(at) -> str:
    """Answers with the isolation level that the session's transactions have."""
    if at.postgresql:
        return "SHOW transaction_isolation"
    return "SELECT @@tx_isolation" if at.name == "mariadb" else "SELECT @@transaction_isolation"


def level_name(answer: str) -> str:
    return answer.upper().replace("-", " ")


def own_level(at) -> str:
    """What the server does when nobody sets a level."""
    return "READ COMMITTED" if at.postgresql else "REPEATABLE READ"


def backends(at) -> int:
    """Connections that the server has now to this Endpoint's database."""
    if at.postgresql:
        return int(at.server.admin("SELECT count(*) FROM pg_stat_activity WHERE backend_type = "
                                   f"'client backend' AND datname = '{at.database}'"))
    return int(at.server.admin(f"SELECT count(*) FROM information_schema.processlist WHERE db = '{at.database}' "
                               "AND user <> 'root'"))


def pins(at) -> float:
    """How often a backend had to stay with a session beyond its transaction, so far."""
    return at.sluice.metric("sluice_pins_total") if at.sluice else 0


def together(work, clients: int = CLIENTS) -> list:
    """work(number) for each client, all at once; what they return."""
    with ThreadPoolExecutor(clients) as workers:
        return list(workers.map(work, range(clients)))
