-- The database and its three roles, made by hand.
--
-- You do not need this file if you can give the server one owner URL: it then makes both service roles itself
-- (docs/guides/postgres.md). Use it where a database administrator makes roles and hands out passwords.
--
-- Run it as a superuser with psql 14 or later (it uses psql's variables, \getenv and \gexec). The passwords are read
-- from the environment, because a command line can be read by everybody on the machine:
--
--   export OWNER_PASSWORD=... RUNTIME_PASSWORD=... PLATFORM_PASSWORD=...
--   psql -d postgres -v database=cardgrove -v owner=cardgrove_owner -f infra/postgres/roles.sql
--
-- It can be run again: what exists is kept, the passwords are set to the given ones.
-- The names cardgrove_runtime and cardgrove_platform are fixed: policies and grants of the migrations name them
-- (crates/store/src/dialect/postgres.rs, `Roles`). Only the owner's name and the database's are yours to choose.

\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv runtime_password RUNTIME_PASSWORD
\getenv platform_password PLATFORM_PASSWORD
-- Passwords must not reach the server's log with the statements below; a superuser may switch that off for himself.
SET log_statement = 'none';
SET log_min_duration_statement = -1;

-- Stops here with a syntax error, before anything is made, if a password is missing.
SELECT length(:'owner_password') > 0 AND length(:'runtime_password') > 0 AND length(:'platform_password') > 0
    AS passwords_given;

-- The owner owns the schema and runs migrations; nothing serves as this role. NOSUPERUSER, so that migrations are
-- bound by row level security like everybody else. NOCREATEROLE: with this file the two others exist already.
SELECT format('CREATE ROLE %I LOGIN', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
ALTER ROLE :"owner" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'owner_password';

-- Serves. Sees a tenant's rows only inside a transaction that named the tenant.
SELECT 'CREATE ROLE cardgrove_runtime LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cardgrove_runtime') \gexec
ALTER ROLE cardgrove_runtime LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'runtime_password';

-- Reads the directory (hosts, sites, tenants) across tenants, keeps operators and their sessions, owns `work_claim`.
-- Has no right on cards, keys, orders or money.
SELECT 'CREATE ROLE cardgrove_platform LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cardgrove_platform') \gexec
ALTER ROLE cardgrove_platform LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'platform_password';

-- A migration hands the function `work_claim` to the platform role, and only a member may do that.
GRANT cardgrove_platform TO :"owner";

SELECT format('CREATE DATABASE %I OWNER %I ENCODING %L TEMPLATE template0', :'database', :'owner', 'UTF8')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO cardgrove_runtime, cardgrove_platform;

\connect :"database"
-- The owner makes tables and lends the platform role CREATE for the moment in which a function changes hands, so the
-- schema must be his: a grant by anybody else would be passed over with a warning.
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO cardgrove_runtime, cardgrove_platform;

-- Rights on tables are not given here: each migration grants what its tables need, table by table.
-- Next: `cardgrove migrate` with the owner's URL, then `cardgrove serve` with the other two.
