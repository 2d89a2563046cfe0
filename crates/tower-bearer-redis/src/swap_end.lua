-- Like a swap, by a head ARGV[2] that says that the session is ended. ARGV[3] is the time until
-- which the session is kept at least. Gives what `close` gives, or 0 if nothing was swapped.
local row = redis.call('GET', KEYS[1]) or ''
if row:sub(1, #ARGV[1]) ~= ARGV[1] then
  return 0
end
return close(ARGV[2] .. row:sub(108), ARGV[3])
