-- Records that were committed and wait to be published, and what operators see and do.

-- AUTOINCREMENT: published rows are pruned, and a position used twice would be skipped by a reader behind it.
CREATE TABLE outbox_event (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id     TEXT    NOT NULL UNIQUE,
    payment_id   INTEGER NOT NULL,
    -- Null for the publication of a dead letter, which has no place among the payment's events.
    event_seq    INTEGER,
    topic        TEXT    NOT NULL,
    payload      ANY     NOT NULL,
    trace_id     TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    published_at INTEGER
) STRICT;
CREATE INDEX outbox_unpublished ON outbox_event (position) WHERE published_at IS NULL;
CREATE INDEX outbox_unpublished_of_payment ON outbox_event (payment_id, event_seq) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox_event (published_at) WHERE published_at IS NOT NULL;

-- Operations and records that need an operator. A record's payment may be unknown, so there is no foreign key.
CREATE TABLE dead_letter (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    letter_id     TEXT    NOT NULL UNIQUE,
    topic         TEXT    NOT NULL,
    payment_id    INTEGER,
    operation_no  INTEGER,
    operation     TEXT    CHECK ((operation IS NULL) = (operation_no IS NULL)),
    error_type    TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    closed_at     INTEGER,
    closed_reason TEXT
) STRICT;
CREATE INDEX dead_letter_by_topic ON dead_letter (topic);
CREATE INDEX dead_letter_by_topic_status ON dead_letter (topic, status);

CREATE TABLE audit (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    audit_id TEXT    NOT NULL UNIQUE,
    who      TEXT    NOT NULL,
    what     TEXT    NOT NULL,
    target   TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    outcome  TEXT    NOT NULL
) STRICT;
