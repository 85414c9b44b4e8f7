-- Saves a checkpoint with its counters: all or nothing, since everything is checked before the
-- first write, and a script is never interrupted.
-- KEYS: lease, checkpoint, world, counters.
-- ARGV: holder, token, version, the version before it, world time, saved at, world, then truck and
-- counters by turns. Versions are decimal text: Lua's numbers end at 2^53.
-- Answers 'applied', 'stale', 'lost' (the lease) or 'ahead' with the stored version.
local lease = redis.call('HMGET', KEYS[1], 'holder', 'token')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
    return {'lost'}
end
local stored = redis.call('HGET', KEYS[2], 'version') or '0'
if stored ~= ARGV[4] then
    local version = ARGV[3]
    if #version > #stored or (#version == #stored and version > stored) then
        return {'ahead', stored}
    end
    return {'stale'}
end
redis.call('SET', KEYS[3], ARGV[7])
redis.call('DEL', KEYS[4])
for first = 8, #ARGV, 1000 do -- unpack has a limit of some thousands
    redis.call('HSET', KEYS[4], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
redis.call('HSET', KEYS[2], 'version', ARGV[3], 'world_time', ARGV[5], 'saved_at', ARGV[6])
return {'applied'}
