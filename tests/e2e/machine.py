"""Who runs when, if pytest-xdist (-n N) runs the tests in several processes on one machine.

A file stays in one process, which has servers of its own. Tests marked `alone` look at times, memory or
descriptors: they are one group, handed out last, and each of them runs while no other test does.
"""

import fcntl
import os
from contextlib import contextmanager

import pytest

try:
    from xdist.scheduler import LoadGroupScheduling
except ImportError:  # one process then, and nothing to hand out
    LoadGroupScheduling = object

ALONE = "alone"


def is_alone(item) -> bool:
    return item.get_closest_marker(ALONE) is not None


def put_alone_last(items: list) -> None:
    items.sort(key=is_alone)
    for item in items:
        if is_alone(item):
            item.add_marker(pytest.mark.xdist_group(ALONE))


@contextmanager
def turn(item):
    """Held while the test runs: shared, or by one test only. Nobody queues for the second kind, so
    that it comes when the other processes have nothing left to do, not in between."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with open(__file__, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if is_alone(item) else fcntl.LOCK_SH)
        yield


class ByFile(LoadGroupScheduling):
    """A file, or the group of those that run alone, is one unit of work."""

    def _split_scope(self, nodeid: str) -> str:
        scope = super()._split_scope(nodeid)
        return scope if scope == ALONE else nodeid.split("::", 1)[0]
