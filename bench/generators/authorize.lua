-- wrk's requests: an authorization each, with an idempotency key of its own.

local run = string.format("w%x-%x", os.time(), math.random(0, 2 ^ 30))
local number = 0

function request()
    number = number + 1
    local body = string.format(
        '{"merchantId":"merchant-%06d","amount":%d,"currency":"USD","idempotencyKey":"%s-%d"}',
        number % 1000, 1000 + number % 9000, run, number)
    return wrk.format("POST", wrk.path .. "/payments/authorize", { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency)
    io.write(string.format("requests %d errors %d\n", summary.requests, summary.errors.status))
end
