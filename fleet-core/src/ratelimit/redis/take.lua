-- Takes tokens from a bucket, or none: the kernel of `Quota::decide`, on the server.
-- KEYS: bucket. ARGV: interval (us), capacity, cost, now (us; empty: the server's clock).
-- Answers {1 granted | 0 denied | 2 impossible, us to wait, us until full}.
-- Doubles hold whole us until 2255; as text only by '%.0f', since tostring keeps 14 digits.
local interval, capacity, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now
if ARGV[4] == '' then
    local t = redis.call('TIME')
    now = tonumber(t[1]) * 1000000 + tonumber(t[2])
else
    now = tonumber(ARGV[4])
end
local window = interval * capacity
local tat = tonumber(redis.call('GET', KEYS[1]) or '0')

-- Until the bucket is full again, when it is the same as none; another clock than the server's, by
-- which keys go, may be slower than that.
local shortest_ms = ARGV[4] == '' and 1 or 60000
local function keep(at)
    local full_in_ms = math.max(shortest_ms, math.ceil((at - now) / 1000))
    redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', string.format('%.0f', full_in_ms))
end

if tat > now + window then -- the clock stepped back: empty at worst, and it stays healed
    tat = now + window
    keep(tat)
end
local full_in = math.max(tat - now, 0)
if cost > capacity then
    return {2, 0, full_in}
end
local after = full_in + interval * cost
if after > window then
    return {0, after - window, full_in}
end
if cost > 0 then
    keep(now + after)
end
return {1, 0, after}
