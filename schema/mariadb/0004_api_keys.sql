-- Keys of merchants and operators. The secret itself is nowhere, only its SHA-256. No row is ever deleted: a revoked
-- key is refused by its record.

CREATE TABLE IF NOT EXISTS api_key (
    key_id      VARCHAR(16) NOT NULL PRIMARY KEY,
    -- Null for a key of the operators.
    merchant_id VARCHAR(32) NULL,
    label       VARCHAR(64) NULL,
    digest      BINARY(32)  NOT NULL,
    created_at  BIGINT      NOT NULL,
    revoked_at  BIGINT      NULL,
    -- Rises with every change of any key, in the order of commits: engines read what lies behind the last one they saw.
    change_no   BIGINT      NOT NULL CHECK (change_no > 0),
    UNIQUE KEY api_key_once (digest),
    UNIQUE KEY api_key_by_change (change_no)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Its lock is held until the commit, so that no change is seen before one with a lower number.
CREATE TABLE IF NOT EXISTS api_key_change (
    only_row    TINYINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    last_change BIGINT  NOT NULL CHECK (last_change >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
INSERT INTO api_key_change (only_row, last_change) VALUES (1, 0) ON DUPLICATE KEY UPDATE only_row = only_row;
