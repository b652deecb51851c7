"""What middleware costs: the same sluice without a chain, with three cheap entries, with ten, with an audit, with
statement_statistics."""

import dataclasses
import functools

from harness.process import remove, scratch

from bench import targets
from bench.loads.pgbench import PgBench
from bench.loads.rig import wanted

# None of them ever refuses or delays anything here: what is measured is that they are asked.
CHEAP = ({"connection_limit": {"per_user": 100000}},
         {"statement_timeout": {"limit": "60s"}},
         {"rate_limit": {"requests_per_second": 10000000, "burst": 10000000}})
TEN = (*CHEAP,
       {"address_rules": {"allow": ["127.0.0.0/8"]}},
       "read_only",
       {"statement_rules": [{"deny": "^(drop|truncate|grant) "}, {"match": "from nowhere", "timeout": "5s"}]},
       {"row_limit": {"rows": 1000000}},
       {"result_limit": {"bytes": "1GiB"}},
       {"n_plus_one": {"threshold": 1000000, "window": "1s"}},
       {"snapshot_age": {"limit": "60s"}})


class Chain(PgBench):
    name = "chain"
    title = ("pgbench -S through sluice without middleware, with 3 and 10 entries in its chain, with an audit, "
             "with statement_statistics")

    def cases(self):
        return [(mode, many) for mode in ("simple", "prepared") for many in wanted(self.options, [16, 64])]

    @functools.cached_property
    def _folder(self):
        return scratch("audit")

    @functools.cached_property
    def _running(self) -> list:
        audit = ({"audit": {"file": str(self._folder / "audit.jsonl"), "max_size": "64MiB", "keep": 1}},)
        plain = self.rig.setup(self.family)
        found = []
        for io in targets.sluice_io(plain)[0]:
            for word, chain in (("", ()), (" +3", CHEAP), (" +10", TEN), (" +audit", audit),
                                (" +statistics", ("statement_statistics",))):
                one = targets.sluice(dataclasses.replace(plain, middleware=chain), io)
                one.name += word
                found.append(one)
        return found

    def targets(self, mode, clients):
        return self._running

    def notes(self):
        return [*super().notes(), "+3: connection_limit, statement_timeout, rate_limit; +10: these and "
                "address_rules, read_only, statement_rules, row_limit, result_limit, n_plus_one, snapshot_age"]

    def close(self):
        for one in self.__dict__.get("_running", []):
            one.close()
        if "_folder" in self.__dict__:
            remove(self._folder)
