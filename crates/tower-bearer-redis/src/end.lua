-- Revokes the session KEYS[1] for the reason ARGV[2], if it is of the owner ARGV[3], which may be
-- left empty. ARGV[1] is the format. Gives 1 if it did, 0 if not, -1 if the row cannot be read.
local head = redis.call('GETRANGE', KEYS[1], 0, 9)
if head == '' then
  return 0
end
if #head < 10 or head:sub(1, 1) ~= ARGV[1] then
  return -1
end
if redis.call('GETRANGE', KEYS[1], 103, 102 + #ARGV[3]) ~= ARGV[3] then
  return 0
end
local reason = head:sub(10)
if reason ~= '\0' then
  -- Written once more, so that a WAIT that follows covers the revocation.
  redis.call('SETRANGE', KEYS[1], 9, reason)
  return 0
end
redis.call('BITFIELD', KEYS[1],
  'INCRBY', 'i64', 1 * 8, 1,
  'SET', 'u8', 9 * 8, ARGV[2],
  'SET', 'i64', 23 * 8, now())
return 1
