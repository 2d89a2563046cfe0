-- Whether the time in 8 bytes `a` is before that in `b`. The halves are compared, since a number in
-- Lua is exact only up to 2^53.
local function before(a, b)
  local high, low = struct.unpack('>i4I4', a)
  local other_high, other_low = struct.unpack('>i4I4', b)
  return high < other_high or (high == other_high and low < other_low)
end

-- Writes `row`, which says that the session KEYS[1] is ended, without what an end drops, and brings
-- its `ends_at` forward: to its `expires_at`, or to `day` if that is later. Gives the issuer, the
-- subject and the `ends_at` before, or -1 if the row cannot be read, which is then left alone.
local function close(row, day)
  local read, kept, issuer, subject = pcall(struct.unpack, '>I4I4c0I4c0', row, 116)
  if not read or kept > #row or kept < 127 + #issuer + #subject then
    return -1
  end
  local stay, ends = row:sub(63, 70), row:sub(108, 115)
  local before_the_end = ends
  if before(stay, day) then
    stay = day
  end
  if before(stay, ends) then
    ends = stay
  end
  -- Redis deletes a key after this time, and takes no time after the year 9999.
  local high, low = struct.unpack('>i4I4', ends)
  local last = math.min(math.max(high * 2^32 + low - 1, 1), 253402300799999)
  redis.call('SET', KEYS[1], row:sub(1, 103) .. '\0\0\0\0' .. ends .. row:sub(116, kept),
    'PXAT', string.format('%.0f', last))
  return {issuer, subject, before_the_end}
end

