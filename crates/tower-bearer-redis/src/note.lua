-- Adds the entries ARGV[2] and so on, which may be none, to the set KEYS[1] of the sessions that
-- were ended of late. The set is a sorted set whose scores are all 0. An entry is the time of the
-- end in 15 digits, followed by the identifier.
--
-- Entries that are older than ARGV[1] milliseconds are removed, a few in each call, and always more
-- than are added.
for number = 2, #ARGV do
  redis.call('ZADD', KEYS[1], 0, ARGV[number])
end
local present = now()
local oldest = string.format('%015.0f', present - ARGV[1])
for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, #ARGV + 6)) do
  if entry:sub(1, 15) < oldest then
    redis.call('ZREM', KEYS[1], entry)
  end
end
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', present + ARGV[1]))
