-- Nothing costs more for the rows that are there already: every index that grows by each payment grows at its end, or at
-- one of a few places, but for that of the keys.

-- Keys are in the order in which they were taken, and found by 16 bytes. Answers are rows of their own, written once.
ALTER TABLE idem_response_cache RENAME TO idem_with_answer;
CREATE TABLE idem_response_cache (
    key_digest  BLOB    NOT NULL UNIQUE CHECK (length(key_digest) = 16),
    merchant_id TEXT    NOT NULL,
    idem_key    TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    payment_id  INTEGER NOT NULL REFERENCES payment (payment_id),
    operation   TEXT    NOT NULL,
    -- The append that took the key, as in payment_transition.
    token       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))
) STRICT;
CREATE TABLE idem_answer (
    payment_id  INTEGER NOT NULL,
    key_digest  BLOB    NOT NULL,
    status_code INTEGER NOT NULL,
    body        BLOB    NOT NULL,
    PRIMARY KEY (payment_id, key_digest)
) STRICT;
INSERT INTO idem_response_cache
    (key_digest, merchant_id, idem_key, fingerprint, payment_id, operation, token, created_at)
SELECT key_digest, merchant_id, idem_key, fingerprint, payment_id, operation, token, created_at
FROM idem_with_answer ORDER BY rowid;
INSERT INTO idem_answer (payment_id, key_digest, status_code, body)
SELECT payment_id, key_digest, status_code, body FROM idem_with_answer WHERE status_code IS NOT NULL ORDER BY rowid;
DROP TABLE idem_with_answer;

-- A record is found by its payment and its place there: the number of its event; for a dead letter's, below zero, the
-- first half of its id.
CREATE TABLE outbox_by_place (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id     TEXT    NOT NULL,
    payment_id   INTEGER NOT NULL,
    -- Null for the publication of a dead letter, which has no place among the payment's events.
    event_seq    INTEGER,
    place        INTEGER NOT NULL,
    topic        TEXT    NOT NULL,
    payload      ANY     NOT NULL,
    trace_id     TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    published_at INTEGER
) STRICT;

WITH RECURSIVE digit (position, hex, next, place) AS (
    SELECT position, replace(event_id, '-', ''), 1, 0 FROM outbox_event WHERE event_seq IS NULL
    UNION ALL
    SELECT position, hex, next + 1, place << 4 | (instr('0123456789abcdef', substr(hex, next, 1)) - 1)
    FROM digit WHERE next <= 16
)
INSERT INTO outbox_by_place
    (position, event_id, payment_id, event_seq, place, topic, payload, trace_id, created_at, published_at)
SELECT position, event_id, payment_id, event_seq,
    coalesce(event_seq, (SELECT place | (1 << 63) FROM digit
        WHERE digit.position = outbox_event.position AND digit.next = 17)),
    topic, payload, trace_id, created_at, published_at
FROM outbox_event ORDER BY position;

-- Positions go on behind those that were pruned.
DELETE FROM sqlite_sequence WHERE name = 'outbox_by_place';
INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox_by_place', seq FROM sqlite_sequence WHERE name = 'outbox_event';
DROP TABLE outbox_event;
ALTER TABLE outbox_by_place RENAME TO outbox_event;

CREATE UNIQUE INDEX outbox_place ON outbox_event (payment_id, place);
CREATE INDEX outbox_unpublished ON outbox_event (position) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox_event (published_at) WHERE published_at IS NOT NULL;

-- One index for a merchant's payments in a state and for counting all of them.
DROP INDEX payment_by_merchant_status;
CREATE INDEX payment_of_status ON payment (status, merchant_id);
