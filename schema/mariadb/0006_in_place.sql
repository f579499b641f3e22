-- Marking a record as published leaves its row as long as it was. A value in the place of a NULL made it longer, and since
-- the rows beside it are marked at the same time, their page had to be split for them.

-- When the record was published; 0 as long as it waits.
UPDATE outbox_event SET published_at = 0 WHERE published_at IS NULL;
ALTER TABLE outbox_event MODIFY COLUMN published_at BIGINT NOT NULL DEFAULT 0;
