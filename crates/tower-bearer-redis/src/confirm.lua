-- Confirms the session KEYS[1], if its row begins with ARGV[1] apart from the version: the format,
-- the byte of a session that is not ended, the generation, and the byte of one that is not
-- confirmed.
local head = redis.call('GETRANGE', KEYS[1], 0, 14)
if head:sub(1, 1) .. head:sub(10) ~= ARGV[1] then
  return 0
end
-- The highest version stays.
local one = head:sub(2, 9) == string.rep('\255', 8) and 0 or 1
redis.call('BITFIELD', KEYS[1],
  'INCRBY', 'i64', 1 * 8, one,
  'SET', 'u8', 14 * 8, 1,
  'SET', 'i64', 15 * 8, now())
return 1
