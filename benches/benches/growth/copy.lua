-- Copies the session KEYS[1] and the index KEYS[2] of its subject. ARGV[1] is its identifier,
-- ARGV[2] its subject, and ARGV[3] when the copies end, or 0 for when the session does. Then come
-- the identifier of each copy as text, the identifier as bytes, and a subject of the same length.
local row, index = redis.call('GET', KEYS[1]), redis.call('ZRANGE', KEYS[2], 0, 0)[1]
local ends, stays = redis.call('PEXPIRETIME', KEYS[1]), redis.call('PEXPIRETIME', KEYS[2])
if ARGV[3] ~= '0' then
  ends, stays = ARGV[3], ARGV[3]
end
local at = row:find(ARGV[2], 1, true)
local before, after = row:sub(1, at - 1), row:sub(at + #ARGV[2])
local subjects = KEYS[2]:sub(1, -#ARGV[2] - 1)
local sessions = KEYS[1]:sub(1, -#ARGV[1] - 2)
for place = 4, #ARGV, 3 do
  local text, bytes, subject = ARGV[place], ARGV[place + 1], ARGV[place + 2]
  redis.call('SET', sessions .. text .. '}', before .. subject .. after, 'PXAT', ends)
  redis.call('ZADD', subjects .. subject, 0, bytes .. index:sub(17))
  redis.call('PEXPIREAT', subjects .. subject, stays)
end
