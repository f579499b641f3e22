-- The double-entry ledger. Append-only; a movement is two rows, a debit and a credit, and is posted once per
-- operation and once per event.
CREATE TABLE ledger_entry (
    entry_id       INTEGER PRIMARY KEY,
    transaction_id TEXT    NOT NULL,
    event_id       TEXT    NOT NULL,
    payment_id     INTEGER NOT NULL REFERENCES payment (payment_id),
    operation_no   INTEGER NOT NULL,
    side           TEXT    NOT NULL CHECK (side IN ('debit', 'credit')),
    account        TEXT    NOT NULL,
    amount         INTEGER NOT NULL CHECK (amount > 0),
    currency       TEXT    NOT NULL,
    posted_at      INTEGER NOT NULL,
    UNIQUE (payment_id, operation_no, side),
    UNIQUE (event_id, side)
) STRICT;

CREATE TRIGGER ledger_entry_is_never_updated BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'a ledger entry is never updated'); END;
CREATE TRIGGER ledger_entry_is_never_deleted BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'a ledger entry is never deleted'); END;
