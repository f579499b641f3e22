-- Nothing costs more for the rows that are there already: every index that grows by each payment grows at its end, or at
-- one of a few places, but for one, and that one's entries are short.

-- Keys are in the order of payments, and found by 16 bytes: the first half of the SHA-256 of merchant, a zero byte and
-- key. Answers are rows of their own, written once.
CREATE TABLE IF NOT EXISTS idem_answer (
    payment_id  BIGINT            NOT NULL,
    key_digest  BINARY(16)        NOT NULL,
    status_code SMALLINT UNSIGNED NOT NULL,
    body        MEDIUMBLOB        NOT NULL,
    PRIMARY KEY (payment_id, key_digest)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Only where answers still are beside their keys.
SET @copy_answers = IF(
    EXISTS (SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'idem_response_cache' AND column_name = 'body'),
    'INSERT IGNORE INTO idem_answer (payment_id, key_digest, status_code, body)
        SELECT payment_id, UNHEX(LEFT(SHA2(CONCAT(merchant_id, CHAR(0), idem_key), 256), 32)), status_code, body
        FROM idem_response_cache WHERE status_code IS NOT NULL',
    'DO 0');
EXECUTE IMMEDIATE @copy_answers;

ALTER TABLE idem_response_cache ADD COLUMN IF NOT EXISTS key_digest BINARY(16) NULL FIRST;
UPDATE idem_response_cache SET key_digest = UNHEX(LEFT(SHA2(CONCAT(merchant_id, CHAR(0), idem_key), 256), 32))
WHERE key_digest IS NULL;
ALTER TABLE idem_response_cache
    MODIFY COLUMN key_digest BINARY(16) NOT NULL,
    DROP COLUMN IF EXISTS status_code,
    DROP COLUMN IF EXISTS body,
    DROP PRIMARY KEY,
    ADD PRIMARY KEY (payment_id, key_digest),
    ADD UNIQUE KEY IF NOT EXISTS idem_once (key_digest);

-- A record is found by its payment and its place there: the number of its event; for a dead letter's, below zero, the
-- first half of its id.
ALTER TABLE outbox_event ADD COLUMN IF NOT EXISTS place BIGINT NULL AFTER event_seq;
UPDATE outbox_event SET place = COALESCE(event_seq,
    CAST(CAST(CONV(LEFT(REPLACE(event_id, '-', ''), 16), 16, 10) AS UNSIGNED) | (1 << 63) AS SIGNED))
WHERE place IS NULL;
ALTER TABLE outbox_event
    MODIFY COLUMN place BIGINT NOT NULL,
    DROP KEY IF EXISTS outbox_event_once,
    DROP KEY IF EXISTS outbox_of_payment,
    ADD UNIQUE KEY IF NOT EXISTS outbox_place (payment_id, place);

-- One index for a merchant's payments in a state and for counting all of them.
ALTER TABLE payment
    DROP KEY IF EXISTS payment_by_merchant_status,
    DROP KEY IF EXISTS payment_by_status,
    ADD KEY IF NOT EXISTS payment_of_status (status, merchant_id, payment_id, authorization_progress);
