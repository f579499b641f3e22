-- Payments, their history, their keys and their requests to the payment gateway.
--
-- Everywhere in this database: money is an integer of minor units, a moment is an integer of microseconds since
-- 1970-01-01 UTC, STRICT keeps every column to its type, and no foreign key deletes anything.

-- Tells this program's files from other programs' ("paye").
PRAGMA application_id = 0x70617965;

-- One row per payment: the whole aggregate as `document`, beside it the columns that are searched by.
CREATE TABLE payment (
    payment_id      INTEGER PRIMARY KEY,
    merchant_id     TEXT    NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount > 0),
    currency        TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    version         INTEGER NOT NULL CHECK (version > 0),
    captured_amount INTEGER NOT NULL CHECK (captured_amount BETWEEN 0 AND amount),
    refunded_amount INTEGER NOT NULL CHECK (refunded_amount BETWEEN 0 AND captured_amount),
    last_event_seq  INTEGER NOT NULL CHECK (last_event_seq >= 0),
    open_operations INTEGER NOT NULL CHECK (open_operations >= 0),
    -- When a sweep must look at the payment, should everybody forget it, and which sweep.
    due_at          INTEGER,
    due_kind        TEXT    CHECK ((due_kind IS NULL) = (due_at IS NULL)),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    document        TEXT    NOT NULL
) STRICT;

-- An index ends with the row id, which is the payment id: both serve "newest first, below this id" as they are.
CREATE INDEX payment_by_merchant ON payment (merchant_id);
CREATE INDEX payment_by_merchant_status ON payment (merchant_id, status);
CREATE INDEX payment_due ON payment (due_kind, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payment_open ON payment (updated_at) WHERE open_operations > 0;

-- Append-only. The primary key is the fence: of two writers that saw the same version, one fails.
CREATE TABLE payment_transition (
    payment_id   INTEGER NOT NULL REFERENCES payment (payment_id),
    version      INTEGER NOT NULL CHECK (version > 0),
    from_status  TEXT,
    to_status    TEXT    NOT NULL,
    cause        TEXT    NOT NULL,
    reason       TEXT,
    operation_no INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    trace_id     TEXT    NOT NULL,
    -- Random per append: tells whose commit this row is when an answer was lost.
    token        INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (payment_id, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER payment_transition_is_never_updated BEFORE UPDATE ON payment_transition
BEGIN SELECT RAISE(ABORT, 'a transition is never updated'); END;
CREATE TRIGGER payment_transition_is_never_deleted BEFORE DELETE ON payment_transition
BEGIN SELECT RAISE(ABORT, 'a transition is never deleted'); END;

-- Payment ids are drawn in blocks; a gap after a crash is harmless, a number drawn twice is not.
CREATE TABLE payment_sequence (
    only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
    next_sequence INTEGER NOT NULL CHECK (next_sequence > 0)
) STRICT;
INSERT INTO payment_sequence (only_row, next_sequence) VALUES (1, 1);

-- Taken keys with their answers. A row lives as long as its payment.
CREATE TABLE idem_response_cache (
    merchant_id TEXT    NOT NULL,
    idem_key    TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    payment_id  INTEGER NOT NULL REFERENCES payment (payment_id),
    operation   TEXT    NOT NULL,
    -- The append that took the key, as in payment_transition.
    token       INTEGER NOT NULL,
    -- Both null until the outcome is committed, then never changed.
    status_code INTEGER,
    body        BLOB,
    created_at  INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
    PRIMARY KEY (merchant_id, idem_key),
    CHECK ((status_code IS NULL) = (body IS NULL))
) STRICT;

-- Captures.
CREATE TABLE settlement_request (
    payment_id       INTEGER NOT NULL REFERENCES payment (payment_id),
    operation_no     INTEGER NOT NULL,
    operation        TEXT    NOT NULL CHECK (operation = 'capture'),
    amount           INTEGER NOT NULL CHECK (amount > 0),
    status           TEXT    NOT NULL,
    attempt          INTEGER NOT NULL,
    -- Negatives that the gateway recorded since the start or the last replay.
    retry_count      INTEGER NOT NULL,
    pg_outcome       TEXT    NOT NULL,
    dead_lettered    INTEGER NOT NULL CHECK (dead_lettered IN (0, 1)),
    reason           TEXT,
    transaction_id   TEXT,
    response_code    TEXT,
    response_message TEXT,
    next_attempt_at  INTEGER,
    attempted_at     INTEGER NOT NULL,
    requested_at     INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (payment_id, operation_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX settlement_request_totals ON settlement_request (operation, status, dead_lettered, requested_at);

-- Refunds and voids.
CREATE TABLE refund_request (
    payment_id       INTEGER NOT NULL REFERENCES payment (payment_id),
    operation_no     INTEGER NOT NULL,
    operation        TEXT    NOT NULL CHECK (operation IN ('refund', 'void')),
    amount           INTEGER NOT NULL CHECK (amount > 0),
    status           TEXT    NOT NULL,
    attempt          INTEGER NOT NULL,
    retry_count      INTEGER NOT NULL,
    pg_outcome       TEXT    NOT NULL,
    dead_lettered    INTEGER NOT NULL CHECK (dead_lettered IN (0, 1)),
    reason           TEXT,
    transaction_id   TEXT,
    response_code    TEXT,
    response_message TEXT,
    next_attempt_at  INTEGER,
    attempted_at     INTEGER NOT NULL,
    requested_at     INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (payment_id, operation_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX refund_request_totals ON refund_request (operation, status, dead_lettered, requested_at);
