-- Replaces the head of the session KEYS[1] by ARGV[2], if it begins with ARGV[1]: the format, the
-- expected version, and that it is not revoked. A session that is missing begins with nothing.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 0
end
redis.call('SETRANGE', KEYS[1], 0, ARGV[2])
return 1
