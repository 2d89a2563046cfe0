-- Puts the key ring ARGV[2] in the place of KEYS[1], if that begins with ARGV[1]: the format and the expected
-- version. Where ARGV[1] is empty, there must be no ring.
local row = redis.call('GET', KEYS[1])
if ARGV[1] == '' and row or ARGV[1] ~= '' and (row or ''):sub(1, #ARGV[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
