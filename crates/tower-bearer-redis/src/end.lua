-- Ends the session KEYS[1], whose row is of the format ARGV[1], for the reason ARGV[2] and at the
-- time ARGV[3], if its owner is ARGV[5] or ARGV[5] is empty. ARGV[4] is the time until which it is
-- kept at least. Gives what `close` gives if it has ended the session, 0 if not, and -1 if the row
-- cannot be read.
local row = redis.call('GET', KEYS[1])
if not row then
  return 0
end
if #row < 119 or row:sub(1, 1) ~= ARGV[1] then
  return -1
end
if row:sub(120, 119 + #ARGV[5]) ~= ARGV[5] then
  return 0
end
local reason = row:sub(10, 10)
if reason ~= '\0' then
  -- This writes the same byte again, so that a WAIT that follows also covers the earlier write.
  redis.call('SETRANGE', KEYS[1], 9, reason)
  return 0
end
local high, low = struct.unpack('>I4I4', row, 2)
low = low + 1
if low == 2^32 then
  high, low = high + 1, 0
end
-- The highest version stays.
local version = high < 2^32 and struct.pack('>I4I4', high, low) or row:sub(2, 9)
return close(ARGV[1] .. version .. ARGV[2] .. row:sub(11, 23) .. ARGV[3] .. row:sub(32), ARGV[4])
