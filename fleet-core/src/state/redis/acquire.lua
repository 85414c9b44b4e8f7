-- Takes or renews a lease. KEYS: lease. ARGV: holder, now (ms), end (ms).
-- Answers {1, token}, or {0, holder, end} of the one who has it.
local held = redis.call('HMGET', KEYS[1], 'holder', 'token', 'expires_at')
local token = '1'
if held[2] then
    if held[1] == ARGV[1] then
        token = held[2]
    elseif tonumber(held[3]) > tonumber(ARGV[2]) then
        return {'0', held[1], held[3]}
    else
        token = string.format('%.0f', tonumber(held[2]) + 1)
    end
end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token, 'expires_at', ARGV[3])
return {'1', token}
