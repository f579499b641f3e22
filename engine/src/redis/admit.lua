-- Takes a token from a bucket and looks an answer up.
-- KEYS: the bucket; the answer, if one is looked for. ARGV: tokens per minute, which is also the bucket's capacity.
-- Returns 1 when a token was taken, else 0; microseconds until there is one; the answer or nil.
local capacity = tonumber(ARGV[1])
local per_microsecond = capacity / 60000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = capacity
if bucket[1] then
    -- The clock may have been set back.
    local gained = math.max(0, now - tonumber(bucket[2])) * per_microsecond
    tokens = math.min(capacity, tonumber(bucket[1]) + gained)
end
if tokens < 1 then
    return {0, math.ceil((1 - tokens) / per_microsecond), false}
end
redis.call('HSET', KEYS[1], 'tokens', tokens - 1, 'at', now)
-- A bucket untouched for a minute is full again, which is what a missing one is.
redis.call('PEXPIRE', KEYS[1], 60000)
local answer = false
if KEYS[2] then
    answer = redis.call('GET', KEYS[2])
end
return {1, 0, answer}
