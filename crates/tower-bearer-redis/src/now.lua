-- The time in milliseconds, as text, since a number in Lua is exact to 2^53 only.
local function now()
  local time = redis.call('TIME')
  return time[1] .. string.format('%03d', math.floor(time[2] / 1000))
end

