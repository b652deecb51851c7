"""Listeners that verify the certificates of clients, and routes by their subject."""

import psycopg
import pymysql
import pytest
from clients import my_connection, pg_connection, psql, value
from harness import schema, tools
from harness.tls import Certificates, client_certificate, make_certificates
from mysql.connector import connect as connect_mysql
from mysql.connector.errors import Error

pytestmark = pytest.mark.proxy_only

SUBJECT = "/O=Example/OU=Data/CN="


def verifying(server, mode: str) -> dict:
    made: Certificates = server.certificates
    return {"tls": {"mode": mode, "cert_file": str(made.cert), "key_file": str(made.key),
                    "client_ca_file": str(made.ca)}}


def connect(at, shown=None):
    """A client on TLS, with a certificate and key or without."""
    if at.postgresql:
        files = {"sslcert": str(shown[0]), "sslkey": str(shown[1])} if shown else {"sslcert": "/nonexistent"}
        return pg_connection(at, sslmode="require", **files)
    files = {"cert": str(shown[0]), "key": str(shown[1])} if shown else {}
    return my_connection(at, ssl={"ca": str(at.server.certificates.ca), **files})


def refusal(at, shown=None) -> str:
    with pytest.raises((psycopg.Error, pymysql.err.Error)) as failure, connect(at, shown):
        pass
    return str(failure.value)


def test_a_certificate_of_the_authority_is_wanted(any_server, start, tmp_path):
    at = start(any_server, listener_options=verifying(any_server, "verify-ca"))
    own = client_certificate(any_server.certificates, tmp_path, "somebody")
    with connect(at, own) as client:
        assert value(client, "SELECT 1") == 1
    assert "certificate" in refusal(at)
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    stranger = client_certificate(make_certificates(strangers), tmp_path, "stranger")
    refusal(at, stranger)
    with connect(at, own) as client:
        assert value(client, "SELECT 1") == 1


def test_the_refusal_names_what_is_missing(server, start):
    at = start(server("pg15"), listener_options=verifying(server("pg15"), "verify-ca"))
    done = psql(at, "SELECT 1", sslmode="require", sslcert="/nonexistent")
    assert done.returncode != 0
    assert "takes clients with a certificate only" in done.stderr
    without_tls = psql(at, "SELECT 1", sslmode="disable")
    assert without_tls.returncode != 0 and "TLS" in without_tls.stderr
    assert at.sluice.metric("sluice_auth_failures_total", reason="tls_required") == 2


def test_verify_full_wants_the_user_in_the_certificate(any_server, start, tmp_path):
    at = start(any_server, listener_options=verifying(any_server, "verify-full"))
    with connect(at, client_certificate(any_server.certificates, tmp_path, schema.APP)) as client:
        assert value(client, "SELECT 1") == 1
    other = client_certificate(any_server.certificates, tmp_path, "other")
    assert "common name must be the user's" in refusal(at, other)


def test_routes_by_subject(any_server, start, tmp_path):
    at = start(any_server, listener_options=verifying(any_server, "verify-ca"),
               route={"match": {"tls_subject": "CN=*,OU=Data,O=Example"}})
    data = client_certificate(any_server.certificates, tmp_path, "data", SUBJECT + "data")
    with connect(at, data) as client:
        assert value(client, "SELECT 1") == 1
    elsewhere = client_certificate(any_server.certificates, tmp_path, "elsewhere", "/O=Example/CN=elsewhere")
    assert "no route matches" in refusal(at, elsewhere)


@pytest.mark.skipif(not tools.have(tools.MYSQLD), reason="MySQL 9 is not on this machine")
def test_change_user_keeps_to_the_certificate(server, start, tmp_path):
    its = server("mysql")
    users = [{"name": name, "password": schema.PASSWORD} for name in (schema.APP, schema.OTHER)]
    at = start(its, listener_options=verifying(its, "verify-full"), users=users)
    shown = client_certificate(its.certificates, tmp_path, schema.APP)
    client = connect_mysql(host=at.host, port=at.port, user=at.user, password=at.password, use_pure=True,
                           ssl_ca=str(its.certificates.ca), ssl_cert=str(shown[0]), ssl_key=str(shown[1]))
    client.cmd_change_user(schema.APP, schema.PASSWORD)
    with pytest.raises(Error) as failure:
        client.cmd_change_user(schema.OTHER, schema.PASSWORD)
    assert failure.value.errno == 1045
