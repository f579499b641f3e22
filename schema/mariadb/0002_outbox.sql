-- Records that were committed and wait to be published, and what operators see and do.

CREATE TABLE IF NOT EXISTS outbox_event (
    -- Rises within a payment. Between payments it is the order in which transactions began to write, not that in
    -- which they committed.
    position     BIGINT      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_id     VARCHAR(36) NOT NULL,
    payment_id   BIGINT      NOT NULL,
    -- Null for the publication of a dead letter, which has no place among the payment's events.
    event_seq    BIGINT      NULL,
    topic        VARCHAR(64) NOT NULL,
    payload      LONGTEXT    NOT NULL,
    trace_id     VARCHAR(32) NOT NULL,
    created_at   BIGINT      NOT NULL,
    published_at BIGINT      NULL,
    UNIQUE KEY outbox_event_once (event_id),
    -- What waits is read in order, what was published is pruned by age.
    KEY outbox_published (published_at, position),
    KEY outbox_of_payment (payment_id, event_seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Operations and records that need an operator. A record's payment may be unknown.
CREATE TABLE IF NOT EXISTS dead_letter (
    position      BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    letter_id     VARCHAR(255) NOT NULL,
    topic         VARCHAR(64)  NOT NULL,
    payment_id    BIGINT       NULL,
    operation_no  INT UNSIGNED NULL,
    operation     VARCHAR(16)  NULL CHECK ((operation IS NULL) = (operation_no IS NULL)),
    error_type    TEXT         NOT NULL,
    status        VARCHAR(16)  NOT NULL,
    body          LONGTEXT     NOT NULL,
    created_at    BIGINT       NOT NULL,
    closed_at     BIGINT       NULL,
    closed_reason TEXT         NULL,
    UNIQUE KEY dead_letter_once (letter_id),
    KEY dead_letter_by_topic (topic, position),
    KEY dead_letter_by_topic_status (topic, status, position)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS audit (
    position BIGINT      NOT NULL AUTO_INCREMENT PRIMARY KEY,
    audit_id VARCHAR(64) NOT NULL,
    who      TEXT        NOT NULL,
    what     TEXT        NOT NULL,
    target   TEXT        NOT NULL,
    reason   TEXT        NOT NULL,
    at       BIGINT      NOT NULL,
    outcome  TEXT        NOT NULL,
    UNIQUE KEY audit_once (audit_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
