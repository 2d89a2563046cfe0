-- Gives the time, which run of the server this is, and a part of its keys: where the part after it begins,
-- which is 0 after the last one, and the names that match ARGV[2] among about ARGV[3] that follow ARGV[1]. A
-- server that accepts no writes has to refuse it, as it has to refuse a load.
local run = redis.call('INFO', 'server'):match('run_id:(%x+)')
local part = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
return {redis.call('TIME'), run, part[1], part[2]}
