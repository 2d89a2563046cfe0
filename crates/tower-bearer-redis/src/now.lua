-- The time in milliseconds since 1970, as text, since a number in Lua is exact only up to 2^53.
local function now()
  local time = redis.call('TIME')
  return time[1] .. string.format('%03d', math.floor(time[2] / 1000))
end

