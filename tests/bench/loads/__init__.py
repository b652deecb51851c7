"""The loads of ./dev bench, in the order in which a round runs them."""

from bench.loads.chain import Chain
from bench.loads.copy import MyCopy, PgCopy
from bench.loads.idle import MyIdle, PgIdle
from bench.loads.mysql import MyBench
from bench.loads.pgbench import Login, Mixed, PgBench, PgTls, PgUnix
from bench.loads.scrape import Scrape
from bench.loads.workers import Workers

ALL = {load.name: load for load in (PgBench, PgTls, PgUnix, MyBench, Login, Mixed, PgCopy, MyCopy, Chain, Workers,
                                    PgIdle, MyIdle, Scrape)}
GROUPS = {"idle": ["idle-pg", "idle-mysql"], "copy": ["copy", "result"]}
