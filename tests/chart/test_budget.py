"""The budget: connections of all pods that may live at a time, never more."""

import re

import pytest
from chart import helm, merged, refusal, render
from chart import BASE

PETS = {"budget": {"pools": {"pets": 100}}}


def pool(values: dict) -> dict:
    return render(merged(PETS, values)).config["pools"]["pets"]


# Two replicas, one more in a roll-out, and one that ends; all of the old ones where nothing waits for them.
@pytest.mark.parametrize("values, pods", [
    ({}, 4),
    ({"replicaCount": 10}, 12),
    ({"replicaCount": 10, "minReadySeconds": 0}, 21),
    ({"replicaCount": 10, "strategy": {"rollingUpdate": {"maxSurge": "25%"}}}, 16),
    ({"replicaCount": 4, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}, 5),
    ({"replicaCount": 4, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}}, 6),
    ({"replicaCount": 4, "strategy": {"type": "Recreate", "rollingUpdate": None}}, 4),
    ({"autoscaling": {"enabled": True, "maxReplicas": 20}}, 22),
    ({"keda": {"enabled": True, "maxReplicas": 8, "triggers": [{"type": "cpu", "metadata": {}}]}}, 10),
    ({"budget": {"maxPods": 5}}, 7),
    ({"kind": "DaemonSet", "budget": {"maxPods": 12}}, 12),
    ({"kind": "DaemonSet", "budget": {"maxPods": 12}, "updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}, 14),
])
def test_the_budget_is_divided_by_the_pods_that_may_live(values, pods):
    assert pool(values)["pool_size"] == 100 // pods
    assert pool(values)["pool_size"] * pods <= 100


def test_a_rollout_waits_for_pods_that_end_when_there_is_a_budget():
    assert render().workload["spec"]["minReadySeconds"] == 0
    with_budget = render(PETS)
    assert with_budget.workload["spec"]["minReadySeconds"] == with_budget.pod["terminationGracePeriodSeconds"] == 70
    assert with_budget.workload["spec"]["progressDeadlineSeconds"] > 70


def test_overflow_is_part_of_the_budget():
    its = pool({"config": {"pools": {"pets": {"max_overflow": 5}}}})
    assert its["pool_size"] + its["max_overflow"] == 25


@pytest.mark.parametrize("url, key", [
    ("postgresql://db/pets", "max_db_connections"), ("postgresql://app@db", "max_user_connections"),
    ("postgresql://app@db/pets", "pool_size"), ("mysql+pymysql://app:${PW}@a,b:3307/pets", "pool_size")])
def test_what_bounds_a_pool_depends_on_what_its_url_names(url, key):
    its = pool({"config": {"pools": {"pets": {"url": url, "password_file": None}}}})
    assert its[key] == 25
    assert {"pool_size", "max_db_connections", "max_user_connections"} & set(its) == {key}


@pytest.mark.parametrize("values, words", [
    ({"budget": {"pools": {"pets": 3}}}, "3 connections over 4 pods leave less than one for each"),
    ({"config": {"pools": {"pets": {"max_overflow": 25}}}}, "leave less than one"),
    ({"config": {"pools": {"pets": {"max_overflow": -1}}}}, "has no bound"),
    ({"config": {"pools": {"pets": {"pool_size": 5}}}}, "both bound it"),
    ({"config": {"pools": {"pets": {"max_db_connections": 5}}}}, "both bound it"),
    ({"config": {"pools": {"pets": {"url": "postgresql://db:5432"}}}}, "names neither user nor database"),
    ({"budget": {"pools": {"cats": 9}}}, "there is no config.pools.cats"),
    ({"kind": "DaemonSet"}, "set budget.maxPods"),
    ({"config": {"schedules": [{"cron": "@daily", "action": "resize", "pool": "pets", "pool_size": 40}]}}, "resizes the pool"),
    ({"config": {"schedules": [{"cron": "@daily", "action": "resize", "pool": "pets", "max_overflow": 1}]}}, "resizes the pool"),
])
def test_a_budget_that_cannot_be_kept_is_refused(values, words):
    assert words in refusal(merged(PETS, values))


@pytest.mark.parametrize("url, schedule", [
    ("postgresql://app@db/pets", {"action": "pause", "pool": "pets"}),
    ("postgresql://app@db/pets", {"action": "resize", "pool": "pets", "min_idle": 2}),
    ("postgresql://app@db/pets", {"action": "resize", "pool": "pets_mysql", "pool_size": 40}),
    ("postgresql://db/pets", {"action": "resize", "pool": "pets", "pool_size": 20})])
def test_schedules_that_keep_to_the_budget_are_taken(url, schedule):
    values = {"config": {"pools": {"pets": {"url": url, "password_file": None}},
                         "schedules": [{"cron": "50 8 * * 1-5", "timezone": "Asia/Seoul", **schedule}]}}
    assert pool(values)["url"] == url


def notes(values: dict) -> str:
    text = helm("install", "gw", "--namespace", "databases", "--dry-run=client", values=merged(BASE, values))
    return text[text.index("NOTES:"):]


def test_the_notes_tell_how_to_connect_and_the_budget():
    text = notes(PETS)
    assert "host=gw-sluice-postgresql.databases.svc port=6432" in text
    assert "mysql -h gw-sluice-mysql.databases.svc -P 6033" in text
    assert re.search(r"up to 4 pods alive at a time \(of those, 2 when", text)
    assert re.search(r"pets: 25 per pod, 100 in all of a budget of 100", text)
    assert re.search(r"pets_mysql: 20 per pod, 80 in all \(no budget\)", text)
    assert "killed after 70 s" in text


def test_the_notes_tell_where_a_pool_is_one_of_many():
    text = notes({"config": {"pools": {"pets": {"url": "postgresql://pets-pg/pets"}}}})
    assert re.search(r"pets: 20 per pod, 100 in all for each user and database that clients name \(no budget\)", text)
    assert re.search(r"pets_mysql: 20 per pod, 100 in all \(no budget\)", text)


@pytest.mark.parametrize("budget, pods, warned", [
    ({}, {}, False), ({"minAvailable": 1}, {}, False), ({"minAvailable": 2}, {}, True), ({"minAvailable": "100%"}, {}, True),
    ({"minAvailable": 2}, {"autoscaling": {"enabled": True, "minReplicas": 3}}, False),
    ({"maxUnavailable": 0}, {}, True), ({"maxUnavailable": 0, "enabled": False}, {}, False)])
def test_the_notes_warn_of_a_disruption_budget_that_lets_no_pod_go(budget, pods, warned):
    assert ("lets no pod go" in notes({"podDisruptionBudget": budget, **pods})) == warned


def test_the_notes_warn_of_what_is_missing():
    text = notes({"replicaCount": 1})
    assert "clients cannot use TLS" in text and "a single pod" in text and "nobody to log in as" in text
    daemon = notes({"kind": "DaemonSet"})
    assert re.search(r"pets: 20 per pod \(no budget\)", daemon) and "a single pod" not in daemon
