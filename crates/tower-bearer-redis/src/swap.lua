-- Replaces the head of the session KEYS[1] by ARGV[2], if its row begins with ARGV[1]: the format,
-- the expected version, and the byte of a session that is not ended. The row of a session that
-- does not exist is empty.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 0
end
redis.call('SETRANGE', KEYS[1], 0, ARGV[2])
return 1
