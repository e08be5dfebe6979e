-- Three roles of PostgreSQL, so that each process may do what it needs and no more:
--
--   dispatcher_owner     owns the tables; only `dispatcher migrate` connects as it
--   dispatcher_worker    reads and writes rows: workers, web apps and the command line
--   dispatcher_webhooks  stores what the gateway posts; it reads no text of a campaign and no field
--                        of a recipient
--
--   createdb dispatcher
--   psql --dbname dispatcher --file roles.sql      makes the roles; none can log in without a password
--   psql --dbname dispatcher --command '\password dispatcher_owner'        the same for the others
--   dispatcher migrate                             with DISPATCHER_DATABASE_URL of dispatcher_owner
--   psql --dbname dispatcher --file roles.sql      grants; again after each `dispatcher migrate`
--
-- Run it as a superuser, or as a role with CREATEROLE that owns the database. It may be repeated.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['dispatcher_owner', 'dispatcher_worker', 'dispatcher_webhooks'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
        -- a pooler drops what the processes ask for when they connect, so the roles have it, too
        EXECUTE format('ALTER ROLE %I SET timezone = %L', role, 'UTC');
        EXECUTE format('ALTER ROLE %I SET synchronous_commit = %L', role, 'on');
    END LOOP;
    FOREACH role IN ARRAY ARRAY['dispatcher_worker', 'dispatcher_webhooks'] LOOP
        EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', role, '10s');
        EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', role, '60s');
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', role, '60s');
    END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO dispatcher_owner;
GRANT USAGE ON SCHEMA public TO dispatcher_worker, dispatcher_webhooks;

-- Before the first `dispatcher migrate` there is nothing more to grant.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
        AND c.relname LIKE 'dispatcher\_%'
    LOOP
        EXECUTE format('GRANT SELECT ON %I TO dispatcher_worker', name);
        IF name IN ('dispatcher_action', 'dispatcher_seal') THEN  -- the record is append-only
            EXECUTE format('REVOKE UPDATE, DELETE ON %I FROM dispatcher_worker', name);
            EXECUTE format('GRANT INSERT ON %I TO dispatcher_worker', name);
        ELSIF name NOT IN ('dispatcher_version', 'dispatcher_message') THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO dispatcher_worker', name);
        END IF;
    END LOOP;
    FOR name IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'
        AND c.relname LIKE 'dispatcher\_%'
    LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE %I TO dispatcher_worker, dispatcher_webhooks', name);
    END LOOP;
    IF to_regclass('public.dispatcher_version') IS NOT NULL THEN
        GRANT SELECT ON dispatcher_version TO dispatcher_webhooks;
        GRANT SELECT (id, campaign_id, state, message_id, check_at, hastened_at, sent_at),
            UPDATE (check_at, hastened_at) ON dispatcher_batch TO dispatcher_webhooks;
        GRANT SELECT (batch_id, phone) ON dispatcher_recipient TO dispatcher_webhooks;
        GRANT SELECT (id, from_number) ON dispatcher_campaign TO dispatcher_webhooks;
        GRANT SELECT, INSERT, UPDATE ON dispatcher_meta, dispatcher_opt_out, dispatcher_reply
            TO dispatcher_webhooks;
        GRANT SELECT, INSERT ON dispatcher_event, dispatcher_opt_out_event TO dispatcher_webhooks;
        GRANT SELECT, INSERT, DELETE ON dispatcher_unread_call TO dispatcher_webhooks;
        GRANT SELECT, UPDATE ON dispatcher_number_check TO dispatcher_webhooks;
        GRANT SELECT ON dispatcher_erasure TO dispatcher_webhooks;
        GRANT SELECT, UPDATE (at) ON dispatcher_contact TO dispatcher_webhooks;
    END IF;
END $$;
