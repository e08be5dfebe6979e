CREATE TABLE dispatcher_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT dispatcher_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE campaign (
	id INTEGER NOT NULL,
	reference TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	text TEXT NOT NULL,
	sender TEXT,
	commercial BOOLEAN NOT NULL,
	not_before DATETIME,
	not_after DATETIME,
	state TEXT NOT NULL,
	reason TEXT,
	rows INTEGER NOT NULL,
	duplicates INTEGER NOT NULL,
	unusable INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	ended_at DATETIME, priority SMALLINT DEFAULT '0' NOT NULL, funded_to INTEGER, credit_checked BOOLEAN DEFAULT 1 NOT NULL, from_number TEXT, survey TEXT, account TEXT DEFAULT '' NOT NULL,
	CONSTRAINT pk_campaign PRIMARY KEY (id),
	CONSTRAINT ck_campaign_paused_has_reason CHECK ((state = 'paused') = (reason IS NOT NULL)),
	CONSTRAINT ck_campaign_state CHECK (state IN ('running', 'paused', 'finished', 'cancelled')),
	CONSTRAINT uq_campaign_reference UNIQUE (reference)
);
CREATE TABLE heartbeat (
	name TEXT NOT NULL,
	at DATETIME NOT NULL,
	CONSTRAINT pk_heartbeat PRIMARY KEY (name)
);
CREATE TABLE meta (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	CONSTRAINT pk_meta PRIMARY KEY (name)
);
CREATE TABLE opt_out (
	id INTEGER NOT NULL,
	phone TEXT,
	digest TEXT,
	source TEXT NOT NULL,
	created_at DATETIME NOT NULL, probable BOOLEAN DEFAULT 0 NOT NULL,
	CONSTRAINT pk_opt_out PRIMARY KEY (id),
	CONSTRAINT ck_opt_out_phone_or_digest CHECK ((phone IS NULL) <> (digest IS NULL)),
	CONSTRAINT uq_opt_out_digest UNIQUE (digest),
	CONSTRAINT uq_opt_out_phone UNIQUE (phone)
);
CREATE TABLE opt_out_event (
	id INTEGER NOT NULL,
	phone TEXT,
	at DATETIME NOT NULL,
	verb TEXT NOT NULL,
	source TEXT NOT NULL,
	reason TEXT NOT NULL,
	actor TEXT NOT NULL,
	CONSTRAINT pk_opt_out_event PRIMARY KEY (id)
);
CREATE INDEX ix_opt_out_event_phone ON opt_out_event (phone);
CREATE TABLE action (
	id INTEGER NOT NULL,
	at DATETIME NOT NULL,
	campaign_id INTEGER NOT NULL,
	batch_id INTEGER,
	actor TEXT NOT NULL,
	verb TEXT NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_action PRIMARY KEY (id),
	CONSTRAINT fk_action_campaign_id_campaign FOREIGN KEY(campaign_id) REFERENCES campaign (id)
);
CREATE INDEX ix_action_campaign_id ON action (campaign_id);
CREATE TABLE batch (
	id INTEGER NOT NULL,
	campaign_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	territory TEXT NOT NULL,
	size INTEGER NOT NULL,
	state TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	not_before DATETIME NOT NULL,
	why TEXT NOT NULL,
	rule TEXT NOT NULL,
	tag TEXT,
	lease_until DATETIME,
	sent_at DATETIME,
	message_id TEXT,
	check_at DATETIME,
	checks INTEGER NOT NULL,
	states TEXT NOT NULL,
	codes TEXT NOT NULL,
	segments INTEGER NOT NULL,
	cost BIGINT NOT NULL,
	pending INTEGER NOT NULL,
	sent INTEGER NOT NULL,
	delivered INTEGER NOT NULL,
	undelivered INTEGER NOT NULL,
	unreported INTEGER NOT NULL,
	rejected INTEGER NOT NULL,
	opted_out INTEGER NOT NULL,
	expired INTEGER NOT NULL,
	cancelled INTEGER NOT NULL, capped INTEGER DEFAULT '0' NOT NULL, hastened_at DATETIME, planned BIGINT, leaves_at DATETIME, window_until DATETIME, window_why TEXT DEFAULT '' NOT NULL, retry_until DATETIME, retry_why TEXT DEFAULT '' NOT NULL, rate_until DATETIME, rate_why TEXT DEFAULT '' NOT NULL, cap_until DATETIME, cap_why TEXT DEFAULT '' NOT NULL,
	CONSTRAINT pk_batch PRIMARY KEY (id),
	CONSTRAINT ck_batch_sending_has_lease CHECK (state <> 'sending' OR lease_until IS NOT NULL),
	CONSTRAINT ck_batch_state CHECK (state IN ('pending', 'sending', 'handed_over', 'sent', 'in_doubt', 'done', 'failed', 'cancelled', 'expired')),
	CONSTRAINT ck_batch_attempt CHECK (attempt >= 0),
	CONSTRAINT ck_batch_document_has_everybody CHECK (length(states) = size),
	CONSTRAINT ck_batch_nobody_lost CHECK (pending + sent + delivered + undelivered + unreported + rejected + opted_out + expired + cancelled = size),
	CONSTRAINT fk_batch_campaign_id_campaign FOREIGN KEY(campaign_id) REFERENCES campaign (id),
	CONSTRAINT uq_batch_campaign_id_number UNIQUE (campaign_id, number)
);
CREATE INDEX ix_batch_check ON batch (state, check_at);
CREATE TABLE attempt (
	batch_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	tag TEXT NOT NULL,
	worker TEXT NOT NULL,
	armed_at DATETIME NOT NULL,
	ended_at DATETIME,
	outcome TEXT,
	detail TEXT,
	check_at DATETIME,
	checks INTEGER NOT NULL, messages INTEGER DEFAULT '0' NOT NULL, cost BIGINT, shown TEXT, covers TEXT,
	CONSTRAINT pk_attempt PRIMARY KEY (batch_id, number),
	CONSTRAINT fk_attempt_batch_id_batch FOREIGN KEY(batch_id) REFERENCES batch (id),
	CONSTRAINT uq_attempt_tag UNIQUE (tag)
);
CREATE INDEX ix_attempt_check_at ON attempt (check_at);
CREATE INDEX ix_campaign_state ON campaign (state);
CREATE INDEX ix_batch_pending ON batch (campaign_id, not_before, number) WHERE state = 'pending';
CREATE INDEX ix_attempt_armed_at ON attempt (armed_at);
CREATE TABLE "recipient" (
    batch_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    phone TEXT NOT NULL,
    fields TEXT,
    CONSTRAINT pk_recipient PRIMARY KEY (batch_id, position)
) WITHOUT ROWID;
CREATE INDEX ix_recipient_phone ON recipient (phone);
CREATE VIEW message AS
SELECT batch.campaign_id, recipient.batch_id, recipient.position, recipient.phone,
       CASE substr(batch.states, recipient.position + 1, 1)
            WHEN 'p' THEN CASE batch.state WHEN 'in_doubt' THEN 'in_doubt' ELSE 'pending' END
            WHEN 's' THEN 'sent'
            WHEN 'd' THEN 'delivered'
            WHEN 'u' THEN 'undelivered'
            WHEN 'n' THEN 'unreported'
            WHEN 'r' THEN 'rejected'
            WHEN 'o' THEN 'opted_out'
            WHEN 'e' THEN 'expired'
            WHEN 'c' THEN 'cancelled'
       END AS state
  FROM recipient JOIN batch ON batch.id = recipient.batch_id;
CREATE INDEX ix_batch_message_id ON batch (message_id);
CREATE TABLE reply (
	id INTEGER NOT NULL,
	digest TEXT NOT NULL,
	phone TEXT NOT NULL,
	text TEXT NOT NULL,
	stop BOOLEAN NOT NULL,
	sent_to TEXT,
	message_id TEXT,
	campaign_id INTEGER,
	at DATETIME,
	received_at DATETIME NOT NULL,
	reference TEXT,
	number INTEGER,
	total INTEGER,
	whole_id INTEGER, probable BOOLEAN DEFAULT 0 NOT NULL,
	CONSTRAINT pk_reply PRIMARY KEY (id),
	CONSTRAINT uq_reply_digest UNIQUE (digest),
	CONSTRAINT fk_reply_campaign_id_campaign FOREIGN KEY(campaign_id) REFERENCES campaign (id),
	CONSTRAINT fk_reply_whole_id_reply FOREIGN KEY(whole_id) REFERENCES reply (id)
);
CREATE INDEX ix_reply_phone ON reply (phone);
CREATE INDEX ix_reply_received_at ON reply (received_at);
CREATE TABLE event (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	kind TEXT NOT NULL,
	at DATETIME NOT NULL,
	campaign_id INTEGER,
	batch_id INTEGER,
	reply_id INTEGER,
	counts TEXT NOT NULL,
	check_at DATETIME,
	tries INTEGER NOT NULL,
	signalled BOOLEAN NOT NULL,
	outcome TEXT,
	CONSTRAINT pk_event PRIMARY KEY (id),
	CONSTRAINT uq_event_key UNIQUE ("key"),
	CONSTRAINT fk_event_campaign_id_campaign FOREIGN KEY(campaign_id) REFERENCES campaign (id)
);
CREATE INDEX ix_event_check_at ON event (check_at);
CREATE TABLE check_order (
	id INTEGER NOT NULL,
	tag TEXT NOT NULL,
	ordered_at DATETIME NOT NULL,
	actor TEXT NOT NULL,
	numbers INTEGER NOT NULL,
	expected BIGINT NOT NULL,
	cost BIGINT,
	gateway_id TEXT,
	outcome TEXT,
	detail TEXT,
	CONSTRAINT pk_check_order PRIMARY KEY (id),
	CONSTRAINT uq_check_order_tag UNIQUE (tag)
);
CREATE TABLE number_check (
	phone TEXT NOT NULL,
	order_id INTEGER NOT NULL,
	ordered_at DATETIME NOT NULL,
	at DATETIME,
	told_at DATETIME,
	service TEXT,
	name TEXT,
	network TEXT,
	ported BOOLEAN,
	CONSTRAINT pk_number_check PRIMARY KEY (phone),
	CONSTRAINT fk_number_check_order_id_check_order FOREIGN KEY(order_id) REFERENCES check_order (id)
);
CREATE INDEX ix_number_check_order_id ON number_check (order_id);
CREATE INDEX ix_number_check_ordered_at ON number_check (ordered_at);
CREATE INDEX ix_number_check_service_at ON number_check (service, at);
CREATE INDEX ix_event_at ON event (at);
CREATE INDEX ix_reply_whole_id ON reply (whole_id);
CREATE INDEX ix_opt_out_created_at ON opt_out (created_at);
CREATE INDEX ix_opt_out_probable ON opt_out (created_at) WHERE probable;
CREATE TABLE unread_call (
	id INTEGER NOT NULL,
	digest TEXT NOT NULL,
	path TEXT NOT NULL,
	body BLOB NOT NULL,
	"query" TEXT NOT NULL,
	problem TEXT NOT NULL,
	received_at DATETIME NOT NULL,
	CONSTRAINT pk_unread_call PRIMARY KEY (id),
	CONSTRAINT uq_unread_call_digest UNIQUE (digest)
);
CREATE INDEX ix_unread_call_received_at ON unread_call (received_at);
