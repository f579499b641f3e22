-- The embedded event log: what Kafka's topics are elsewhere. Nothing is ever dropped.

-- Keys and values are as their writer made them (ANY: text or bytes); headers are a JSON object of texts.
CREATE TABLE event_log (
    topic     TEXT    NOT NULL,
    partition INTEGER NOT NULL CHECK (partition >= 0),
    offset    INTEGER NOT NULL CHECK (offset >= 0),
    key       ANY,
    headers   TEXT    NOT NULL DEFAULT '{}',
    value     ANY     NOT NULL,
    at        INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
    PRIMARY KEY (topic, partition, offset)
) STRICT;

-- The offset that a group reads next.
CREATE TABLE consumer_offset (
    consumer_group TEXT    NOT NULL,
    topic          TEXT    NOT NULL,
    partition      INTEGER NOT NULL,
    next_offset    INTEGER NOT NULL CHECK (next_offset >= 0),
    PRIMARY KEY (consumer_group, topic, partition)
) STRICT, WITHOUT ROWID;
