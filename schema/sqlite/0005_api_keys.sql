-- Keys of merchants and operators. The secret itself is nowhere, only its SHA-256. No row is ever deleted: a revoked
-- key is refused by its record.
CREATE TABLE api_key (
    key_id      TEXT    PRIMARY KEY,
    -- Null for a key of the operators.
    merchant_id TEXT,
    label       TEXT,
    digest      BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    -- Rises with every change of any key, in the order of commits: engines read what lies behind the last one they saw.
    change_no   INTEGER NOT NULL UNIQUE CHECK (change_no > 0)
) STRICT;
