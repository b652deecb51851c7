"""The pets schema and the accounts that every throw-away server has."""

DATABASE = "pets"
PASSWORD = "only-for-tests"
APP = "app"                # each family's default method
LEGACY = "app_legacy"      # PostgreSQL md5, MySQL mysql_native_password where there is one
TRUST = "app_trust"        # PostgreSQL trust; MySQL no password
CLEAR = "app_clear"        # PostgreSQL password
TLS_ONLY = "app_tls"       # refused without TLS
OTHER = "other"            # a second user of the default method

PETS_PG = """
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE pets (id serial PRIMARY KEY, name text NOT NULL, type text NOT NULL,
                   owner int REFERENCES users (id));
INSERT INTO users (name) VALUES ('ada'), ('grace'), ('alan');
INSERT INTO pets (name, type, owner) VALUES ('tib', 'cat', 1), ('rex', 'dog', 2), ('kim', 'cat', 3);
CREATE TABLE scratch (id bigint PRIMARY KEY, note text);
"""

PETS_MYSQL = """
CREATE TABLE users (id int AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL);
CREATE TABLE pets (id int AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL,
                   type varchar(100) NOT NULL, owner int, FOREIGN KEY (owner) REFERENCES users (id));
INSERT INTO users (name) VALUES ('ada'), ('grace'), ('alan');
INSERT INTO pets (name, type, owner) VALUES ('tib', 'cat', 1), ('rex', 'dog', 2), ('kim', 'cat', 3);
CREATE TABLE scratch (id bigint PRIMARY KEY, note longtext);
CREATE PROCEDURE two_results() BEGIN SELECT 1 AS a; SELECT 2 AS b; END;
"""
