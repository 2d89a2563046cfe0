-- Enters a session into the index KEYS[1] of its subject: an ordered set whose scores are all 0
-- and whose entries are ARGV[1], the identifier, and ARGV[2], the time in 15 digits until which
-- the entry has to stay.
--
-- An entry goes by its time only, never since its session is not there: that may be on its way.
-- Each new entry looks at a few others, so that those of the past are never more than a fraction.
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
