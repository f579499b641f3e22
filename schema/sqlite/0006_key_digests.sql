-- The first half of the SHA-256 of merchant, a zero byte and key. SQLite has no SHA-256: whoever runs this fills it in.
ALTER TABLE idem_response_cache ADD COLUMN key_digest BLOB;
