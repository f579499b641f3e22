-- The double-entry ledger. Append-only; a movement is two rows, a debit and a credit, and is posted once per
-- operation and once per event.
CREATE TABLE IF NOT EXISTS ledger_entry (
    entry_id       BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    transaction_id VARCHAR(32)  NOT NULL,
    event_id       VARCHAR(36)  NOT NULL,
    payment_id     BIGINT       NOT NULL,
    operation_no   INT UNSIGNED NOT NULL,
    side           VARCHAR(6)   NOT NULL CHECK (side IN ('debit', 'credit')),
    account        VARCHAR(96)  NOT NULL,
    amount         BIGINT       NOT NULL CHECK (amount > 0),
    currency       VARCHAR(3)   NOT NULL,
    posted_at      BIGINT       NOT NULL,
    UNIQUE KEY ledger_entry_per_operation (payment_id, operation_no, side),
    UNIQUE KEY ledger_entry_per_event (event_id, side)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TRIGGER IF NOT EXISTS ledger_entry_is_never_updated BEFORE UPDATE ON ledger_entry
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a ledger entry is never updated';
CREATE TRIGGER IF NOT EXISTS ledger_entry_is_never_deleted BEFORE DELETE ON ledger_entry
FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a ledger entry is never deleted';
