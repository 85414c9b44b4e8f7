-- Ends a lease, if the token is still the newest. KEYS: lease. ARGV: token.
-- The key stays, expired, so that the token goes on growing.
if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then
    redis.call('HSET', KEYS[1], 'holder', '', 'expires_at', '0')
end
return 1
