-- Adds a session to the index KEYS[1] of its subject. The index is a sorted set whose scores are
-- all 0. An entry is the identifier (ARGV[1]) followed by the time until which the entry is kept,
-- in 15 digits (ARGV[2]).
--
-- An entry is removed only after its time, and not because its session does not exist: the
-- session may be about to be written. Each call looks at a few other entries and removes those
-- that are past their time, so that these are never more than a fraction.
redis.call('ZADD', KEYS[1], 0, ARGV[1] .. ARGV[2])
local present = string.format('%015d', now())
for _, entry in ipairs(redis.call('ZRANDMEMBER', KEYS[1], 8)) do
  if entry:sub(17) < present then
    redis.call('ZREM', KEYS[1], entry)
  end
end
local stay = tonumber(ARGV[2])
if redis.call('PEXPIRETIME', KEYS[1]) < stay then
  redis.call('PEXPIREAT', KEYS[1], stay)
end
