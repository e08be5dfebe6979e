CREATE TABLE action (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    campaign_id bigint NOT NULL,
    batch_id bigint,
    actor text NOT NULL,
    verb text NOT NULL,
    reason text NOT NULL
);
CREATE SEQUENCE action_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE action_id_seq OWNED BY action.id;
CREATE TABLE attempt (
    batch_id bigint NOT NULL,
    number integer NOT NULL,
    tag text NOT NULL,
    worker text NOT NULL,
    armed_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    detail text,
    check_at timestamp with time zone,
    checks integer NOT NULL,
    messages integer DEFAULT 0 NOT NULL,
    cost bigint,
    shown text,
    covers text
);
CREATE TABLE batch (
    id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    number integer NOT NULL,
    territory text NOT NULL,
    size integer NOT NULL,
    state text NOT NULL,
    attempt integer NOT NULL,
    not_before timestamp with time zone NOT NULL,
    why text NOT NULL,
    rule text NOT NULL,
    tag text,
    lease_until timestamp with time zone,
    sent_at timestamp with time zone,
    message_id text,
    check_at timestamp with time zone,
    checks integer NOT NULL,
    states text NOT NULL,
    codes text NOT NULL,
    segments integer NOT NULL,
    cost bigint NOT NULL,
    pending integer NOT NULL,
    sent integer NOT NULL,
    delivered integer NOT NULL,
    undelivered integer NOT NULL,
    unreported integer NOT NULL,
    rejected integer NOT NULL,
    opted_out integer NOT NULL,
    expired integer NOT NULL,
    cancelled integer NOT NULL,
    capped integer DEFAULT 0 NOT NULL,
    hastened_at timestamp with time zone,
    planned bigint,
    leaves_at timestamp with time zone,
    window_until timestamp with time zone,
    window_why text DEFAULT ''::text NOT NULL,
    retry_until timestamp with time zone,
    retry_why text DEFAULT ''::text NOT NULL,
    rate_until timestamp with time zone,
    rate_why text DEFAULT ''::text NOT NULL,
    cap_until timestamp with time zone,
    cap_why text DEFAULT ''::text NOT NULL,
    CONSTRAINT ck_batch_attempt CHECK ((attempt >= 0)),
    CONSTRAINT ck_batch_document_has_everybody CHECK ((length(states) = size)),
    CONSTRAINT ck_batch_nobody_lost CHECK ((((((((((pending + sent) + delivered) + undelivered) + unreported) + rejected) + opted_out) + expired) + cancelled) = size)),
    CONSTRAINT ck_batch_sending_has_lease CHECK (((state <> 'sending'::text) OR (lease_until IS NOT NULL))),
    CONSTRAINT ck_batch_state CHECK ((state = ANY (ARRAY['pending'::text, 'sending'::text, 'handed_over'::text, 'sent'::text, 'in_doubt'::text, 'done'::text, 'failed'::text, 'cancelled'::text, 'expired'::text])))
);
CREATE SEQUENCE batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE batch_id_seq OWNED BY batch.id;
CREATE TABLE campaign (
    id bigint NOT NULL,
    reference text NOT NULL,
    fingerprint text NOT NULL,
    text text NOT NULL,
    sender text,
    commercial boolean NOT NULL,
    not_before timestamp with time zone,
    not_after timestamp with time zone,
    state text NOT NULL,
    reason text,
    rows integer NOT NULL,
    duplicates integer NOT NULL,
    unusable integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    priority smallint DEFAULT '0'::smallint NOT NULL,
    funded_to integer,
    credit_checked boolean DEFAULT true NOT NULL,
    from_number text,
    survey text,
    account text DEFAULT ''::text NOT NULL,
    CONSTRAINT ck_campaign_paused_has_reason CHECK (((state = 'paused'::text) = (reason IS NOT NULL))),
    CONSTRAINT ck_campaign_state CHECK ((state = ANY (ARRAY['running'::text, 'paused'::text, 'finished'::text, 'cancelled'::text])))
);
CREATE SEQUENCE campaign_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE campaign_id_seq OWNED BY campaign.id;
CREATE TABLE check_order (
    id bigint NOT NULL,
    tag text NOT NULL,
    ordered_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    numbers integer NOT NULL,
    expected bigint NOT NULL,
    cost bigint,
    gateway_id text,
    outcome text,
    detail text
);
CREATE SEQUENCE check_order_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE check_order_id_seq OWNED BY check_order.id;
CREATE TABLE dispatcher_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE event (
    id bigint NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    campaign_id bigint,
    batch_id bigint,
    reply_id bigint,
    counts text NOT NULL,
    check_at timestamp with time zone,
    tries integer NOT NULL,
    signalled boolean NOT NULL,
    outcome text
);
CREATE SEQUENCE event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE event_id_seq OWNED BY event.id;
CREATE TABLE heartbeat (
    name text NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE TABLE recipient (
    batch_id bigint NOT NULL,
    "position" integer NOT NULL,
    phone text NOT NULL,
    fields text
);
CREATE VIEW message AS
 SELECT batch.campaign_id,
    recipient.batch_id,
    recipient."position",
    recipient.phone,
        CASE substr(batch.states, (recipient."position" + 1), 1)
            WHEN 'p'::text THEN
            CASE batch.state
                WHEN 'in_doubt'::text THEN 'in_doubt'::text
                ELSE 'pending'::text
            END
            WHEN 's'::text THEN 'sent'::text
            WHEN 'd'::text THEN 'delivered'::text
            WHEN 'u'::text THEN 'undelivered'::text
            WHEN 'n'::text THEN 'unreported'::text
            WHEN 'r'::text THEN 'rejected'::text
            WHEN 'o'::text THEN 'opted_out'::text
            WHEN 'e'::text THEN 'expired'::text
            WHEN 'c'::text THEN 'cancelled'::text
            ELSE NULL::text
        END AS state
   FROM (recipient
     JOIN batch ON ((batch.id = recipient.batch_id)));
CREATE TABLE meta (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE number_check (
    phone text NOT NULL,
    order_id bigint NOT NULL,
    ordered_at timestamp with time zone NOT NULL,
    at timestamp with time zone,
    told_at timestamp with time zone,
    service text,
    name text,
    network text,
    ported boolean
);
CREATE TABLE opt_out (
    id bigint NOT NULL,
    phone text,
    digest text,
    source text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    probable boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_opt_out_phone_or_digest CHECK (((phone IS NULL) <> (digest IS NULL)))
);
CREATE TABLE opt_out_event (
    id bigint NOT NULL,
    phone text,
    at timestamp with time zone NOT NULL,
    verb text NOT NULL,
    source text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL
);
CREATE SEQUENCE opt_out_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE opt_out_event_id_seq OWNED BY opt_out_event.id;
CREATE SEQUENCE opt_out_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE opt_out_id_seq OWNED BY opt_out.id;
CREATE TABLE reply (
    id bigint NOT NULL,
    digest text NOT NULL,
    phone text NOT NULL,
    text text NOT NULL,
    stop boolean NOT NULL,
    sent_to text,
    message_id text,
    campaign_id bigint,
    at timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    reference text,
    number integer,
    total integer,
    whole_id bigint,
    probable boolean DEFAULT false NOT NULL
);
CREATE SEQUENCE reply_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE reply_id_seq OWNED BY reply.id;
CREATE TABLE unread_call (
    id bigint NOT NULL,
    digest text NOT NULL,
    path text NOT NULL,
    body bytea NOT NULL,
    query text NOT NULL,
    problem text NOT NULL,
    received_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE unread_call_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE unread_call_id_seq OWNED BY unread_call.id;
ALTER TABLE ONLY action ALTER COLUMN id SET DEFAULT nextval('action_id_seq'::regclass);
ALTER TABLE ONLY batch ALTER COLUMN id SET DEFAULT nextval('batch_id_seq'::regclass);
ALTER TABLE ONLY campaign ALTER COLUMN id SET DEFAULT nextval('campaign_id_seq'::regclass);
ALTER TABLE ONLY check_order ALTER COLUMN id SET DEFAULT nextval('check_order_id_seq'::regclass);
ALTER TABLE ONLY event ALTER COLUMN id SET DEFAULT nextval('event_id_seq'::regclass);
ALTER TABLE ONLY opt_out ALTER COLUMN id SET DEFAULT nextval('opt_out_id_seq'::regclass);
ALTER TABLE ONLY opt_out_event ALTER COLUMN id SET DEFAULT nextval('opt_out_event_id_seq'::regclass);
ALTER TABLE ONLY reply ALTER COLUMN id SET DEFAULT nextval('reply_id_seq'::regclass);
ALTER TABLE ONLY unread_call ALTER COLUMN id SET DEFAULT nextval('unread_call_id_seq'::regclass);
ALTER TABLE ONLY dispatcher_version
    ADD CONSTRAINT dispatcher_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY action
    ADD CONSTRAINT pk_action PRIMARY KEY (id);
ALTER TABLE ONLY attempt
    ADD CONSTRAINT pk_attempt PRIMARY KEY (batch_id, number);
ALTER TABLE ONLY batch
    ADD CONSTRAINT pk_batch PRIMARY KEY (id);
ALTER TABLE ONLY campaign
    ADD CONSTRAINT pk_campaign PRIMARY KEY (id);
ALTER TABLE ONLY check_order
    ADD CONSTRAINT pk_check_order PRIMARY KEY (id);
ALTER TABLE ONLY event
    ADD CONSTRAINT pk_event PRIMARY KEY (id);
ALTER TABLE ONLY heartbeat
    ADD CONSTRAINT pk_heartbeat PRIMARY KEY (name);
ALTER TABLE ONLY meta
    ADD CONSTRAINT pk_meta PRIMARY KEY (name);
ALTER TABLE ONLY number_check
    ADD CONSTRAINT pk_number_check PRIMARY KEY (phone);
ALTER TABLE ONLY opt_out
    ADD CONSTRAINT pk_opt_out PRIMARY KEY (id);
ALTER TABLE ONLY opt_out_event
    ADD CONSTRAINT pk_opt_out_event PRIMARY KEY (id);
ALTER TABLE ONLY recipient
    ADD CONSTRAINT pk_recipient PRIMARY KEY (batch_id, "position");
ALTER TABLE ONLY reply
    ADD CONSTRAINT pk_reply PRIMARY KEY (id);
ALTER TABLE ONLY unread_call
    ADD CONSTRAINT pk_unread_call PRIMARY KEY (id);
ALTER TABLE ONLY attempt
    ADD CONSTRAINT uq_attempt_tag UNIQUE (tag);
ALTER TABLE ONLY batch
    ADD CONSTRAINT uq_batch_campaign_id_number UNIQUE (campaign_id, number);
ALTER TABLE ONLY campaign
    ADD CONSTRAINT uq_campaign_reference UNIQUE (reference);
ALTER TABLE ONLY check_order
    ADD CONSTRAINT uq_check_order_tag UNIQUE (tag);
ALTER TABLE ONLY event
    ADD CONSTRAINT uq_event_key UNIQUE (key);
ALTER TABLE ONLY opt_out
    ADD CONSTRAINT uq_opt_out_digest UNIQUE (digest);
ALTER TABLE ONLY opt_out
    ADD CONSTRAINT uq_opt_out_phone UNIQUE (phone);
ALTER TABLE ONLY reply
    ADD CONSTRAINT uq_reply_digest UNIQUE (digest);
ALTER TABLE ONLY unread_call
    ADD CONSTRAINT uq_unread_call_digest UNIQUE (digest);
CREATE INDEX ix_action_campaign_id ON action USING btree (campaign_id);
CREATE INDEX ix_attempt_armed_at ON attempt USING btree (armed_at);
CREATE INDEX ix_attempt_check_at ON attempt USING btree (check_at);
CREATE INDEX ix_batch_check ON batch USING btree (state, check_at);
CREATE INDEX ix_batch_message_id ON batch USING btree (message_id);
CREATE INDEX ix_batch_pending ON batch USING btree (campaign_id, not_before, number) WHERE (state = 'pending'::text);
CREATE INDEX ix_campaign_state ON campaign USING btree (state);
CREATE INDEX ix_event_at ON event USING btree (at);
CREATE INDEX ix_event_check_at ON event USING btree (check_at);
CREATE INDEX ix_number_check_order_id ON number_check USING btree (order_id);
CREATE INDEX ix_number_check_ordered_at ON number_check USING btree (ordered_at);
CREATE INDEX ix_number_check_service_at ON number_check USING btree (service, at);
CREATE INDEX ix_opt_out_created_at ON opt_out USING btree (created_at);
CREATE INDEX ix_opt_out_event_phone ON opt_out_event USING btree (phone);
CREATE INDEX ix_opt_out_probable ON opt_out USING btree (created_at) WHERE probable;
CREATE INDEX ix_recipient_phone ON recipient USING btree (phone);
CREATE INDEX ix_reply_phone ON reply USING btree (phone);
CREATE INDEX ix_reply_received_at ON reply USING btree (received_at);
CREATE INDEX ix_reply_whole_id ON reply USING btree (whole_id);
CREATE INDEX ix_unread_call_received_at ON unread_call USING btree (received_at);
ALTER TABLE ONLY action
    ADD CONSTRAINT fk_action_campaign_id_campaign FOREIGN KEY (campaign_id) REFERENCES campaign(id);
ALTER TABLE ONLY attempt
    ADD CONSTRAINT fk_attempt_batch_id_batch FOREIGN KEY (batch_id) REFERENCES batch(id);
ALTER TABLE ONLY batch
    ADD CONSTRAINT fk_batch_campaign_id_campaign FOREIGN KEY (campaign_id) REFERENCES campaign(id);
ALTER TABLE ONLY event
    ADD CONSTRAINT fk_event_campaign_id_campaign FOREIGN KEY (campaign_id) REFERENCES campaign(id);
ALTER TABLE ONLY number_check
    ADD CONSTRAINT fk_number_check_order_id_check_order FOREIGN KEY (order_id) REFERENCES check_order(id);
ALTER TABLE ONLY reply
    ADD CONSTRAINT fk_reply_campaign_id_campaign FOREIGN KEY (campaign_id) REFERENCES campaign(id);
ALTER TABLE ONLY reply
    ADD CONSTRAINT fk_reply_whole_id_reply FOREIGN KEY (whole_id) REFERENCES reply(id);
