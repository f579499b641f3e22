-- Payments, their history, their keys and their requests to the payment gateway.
--
-- Everywhere in this database: money is a BIGINT of minor units, a moment is a BIGINT of microseconds since
-- 1970-01-01 UTC. Text compares byte by byte: other collations take `abc`, `ABC` and `abc ` for one key. There are no
-- foreign keys: a child's insert would lock its payment's row against the journal, and none may delete history.
--
-- DDL commits by itself, so each statement can be run again after a migration that was cut short.

ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- One row per payment: the whole aggregate as `document`, beside it the columns that are searched by.
CREATE TABLE IF NOT EXISTS payment (
    payment_id             BIGINT      NOT NULL PRIMARY KEY,
    merchant_id            VARCHAR(32) NOT NULL,
    amount                 BIGINT      NOT NULL CHECK (amount > 0),
    currency               VARCHAR(3)  NOT NULL,
    status                 VARCHAR(20) NOT NULL,
    version                BIGINT      NOT NULL CHECK (version > 0),
    captured_amount        BIGINT      NOT NULL CHECK (captured_amount BETWEEN 0 AND amount),
    refunded_amount        BIGINT      NOT NULL CHECK (refunded_amount BETWEEN 0 AND captured_amount),
    last_event_seq         BIGINT      NOT NULL CHECK (last_event_seq >= 0),
    open_operations        INT         NOT NULL CHECK (open_operations >= 0),
    -- The last change of a payment with an open operation; null for all others. There are no partial indexes.
    open_touched_at        BIGINT      NULL     CHECK ((open_touched_at IS NULL) = (open_operations = 0)),
    -- How far the authorization came: captures, refunds and voids have rows of their own.
    authorization_progress VARCHAR(16) NOT NULL,
    -- When a sweep must look at the payment, should everybody forget it, and which sweep.
    due_at                 BIGINT      NULL,
    due_kind               VARCHAR(16) NULL     CHECK ((due_kind IS NULL) = (due_at IS NULL)),
    created_at             BIGINT      NOT NULL,
    updated_at             BIGINT      NOT NULL,
    document               LONGTEXT    NOT NULL,
    KEY payment_by_merchant (merchant_id, payment_id),
    KEY payment_by_merchant_status (merchant_id, status, payment_id),
    KEY payment_due (due_kind, due_at),
    KEY payment_open (open_touched_at),
    KEY payment_by_status (status, authorization_progress, created_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Append-only. The primary key is the fence: of two writers that saw the same version, one fails.
CREATE TABLE IF NOT EXISTS payment_transition (
    payment_id   BIGINT       NOT NULL,
    version      BIGINT       NOT NULL CHECK (version > 0),
    from_status  VARCHAR(20)  NULL,
    to_status    VARCHAR(20)  NOT NULL,
    cause        VARCHAR(16)  NOT NULL,
    reason       TEXT         NULL,
    operation_no INT UNSIGNED NOT NULL,
    attempt      INT UNSIGNED NOT NULL,
    trace_id     VARCHAR(32)  NOT NULL,
    -- Random per append: tells whose commit this row is when an answer was lost.
    token        BIGINT       NOT NULL,
    at           BIGINT       NOT NULL,
    PRIMARY KEY (payment_id, version)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TRIGGER IF NOT EXISTS payment_transition_is_never_updated BEFORE UPDATE ON payment_transition
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a transition is never updated';
CREATE TRIGGER IF NOT EXISTS payment_transition_is_never_deleted BEFORE DELETE ON payment_transition
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a transition is never deleted';

-- Payment ids are drawn in blocks; a gap after a crash is harmless, a number drawn twice is not.
CREATE TABLE IF NOT EXISTS payment_sequence (
    only_row      TINYINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    next_sequence BIGINT  NOT NULL CHECK (next_sequence > 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
INSERT INTO payment_sequence (only_row, next_sequence) VALUES (1, 1) ON DUPLICATE KEY UPDATE only_row = only_row;

-- Taken keys with their answers. A row lives as long as its payment.
CREATE TABLE IF NOT EXISTS idem_response_cache (
    merchant_id VARCHAR(32)       NOT NULL,
    idem_key    VARCHAR(64)       NOT NULL,
    fingerprint BINARY(32)        NOT NULL,
    payment_id  BIGINT            NOT NULL,
    operation   VARCHAR(16)       NOT NULL,
    -- The append that took the key, as in payment_transition.
    token       BIGINT            NOT NULL,
    -- Both null until the outcome is committed, then never changed.
    status_code SMALLINT UNSIGNED NULL,
    body        MEDIUMBLOB        NULL CHECK ((status_code IS NULL) = (body IS NULL)),
    created_at  BIGINT            NOT NULL DEFAULT (CAST(UNIX_TIMESTAMP(CURRENT_TIMESTAMP(6)) * 1000000 AS INTEGER)),
    PRIMARY KEY (merchant_id, idem_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Captures.
CREATE TABLE IF NOT EXISTS settlement_request (
    payment_id       BIGINT       NOT NULL,
    operation_no     INT UNSIGNED NOT NULL,
    operation        VARCHAR(16)  NOT NULL CHECK (operation = 'capture'),
    amount           BIGINT       NOT NULL CHECK (amount > 0),
    status           VARCHAR(16)  NOT NULL,
    attempt          INT UNSIGNED NOT NULL,
    -- Negatives that the gateway recorded since the start or the last replay.
    retry_count      INT UNSIGNED NOT NULL,
    pg_outcome       VARCHAR(16)  NOT NULL,
    dead_lettered    BOOLEAN      NOT NULL,
    reason           TEXT         NULL,
    transaction_id   TEXT         NULL,
    response_code    TEXT         NULL,
    response_message TEXT         NULL,
    next_attempt_at  BIGINT       NULL,
    attempted_at     BIGINT       NOT NULL,
    requested_at     BIGINT       NOT NULL,
    updated_at       BIGINT       NOT NULL,
    PRIMARY KEY (payment_id, operation_no),
    KEY settlement_request_totals (operation, status, dead_lettered, requested_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Refunds and voids.
CREATE TABLE IF NOT EXISTS refund_request (
    payment_id       BIGINT       NOT NULL,
    operation_no     INT UNSIGNED NOT NULL,
    operation        VARCHAR(16)  NOT NULL CHECK (operation IN ('refund', 'void')),
    amount           BIGINT       NOT NULL CHECK (amount > 0),
    status           VARCHAR(16)  NOT NULL,
    attempt          INT UNSIGNED NOT NULL,
    retry_count      INT UNSIGNED NOT NULL,
    pg_outcome       VARCHAR(16)  NOT NULL,
    dead_lettered    BOOLEAN      NOT NULL,
    reason           TEXT         NULL,
    transaction_id   TEXT         NULL,
    response_code    TEXT         NULL,
    response_message TEXT         NULL,
    next_attempt_at  BIGINT       NULL,
    attempted_at     BIGINT       NOT NULL,
    requested_at     BIGINT       NOT NULL,
    updated_at       BIGINT       NOT NULL,
    PRIMARY KEY (payment_id, operation_no),
    KEY refund_request_totals (operation, status, dead_lettered, requested_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
