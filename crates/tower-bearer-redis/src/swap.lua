-- Replaces the head of the session KEYS[1] by ARGV[2] and the end of its row by ARGV[3], if its row
-- begins with ARGV[1]: the format, the expected version, and the byte of a session that is not ended.
-- The row of a session that does not exist is empty.
local head = redis.call('GETRANGE', KEYS[1], 0, 106)
if head:sub(1, #ARGV[1]) ~= ARGV[1] then
  return 0
end
if head:sub(104) == ARGV[2]:sub(104) then
  redis.call('SETRANGE', KEYS[1], 0, ARGV[2])
  if #ARGV[3] > 0 then
    redis.call('SETRANGE', KEYS[1], redis.call('STRLEN', KEYS[1]) - #ARGV[3], ARGV[3])
  end
  return 1
end
local row = redis.call('GET', KEYS[1])
local rest = row:sub(108, #row - struct.unpack('>I4', head, 104))
redis.call('SET', KEYS[1], ARGV[2] .. rest .. ARGV[3], 'KEEPTTL')
return 1
