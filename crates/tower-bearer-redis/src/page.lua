-- Gives the time, and the entries of the sorted set KEYS[1] from ARGV[1] to ARGV[2], and so on. A
-- server that accepts no writes has to refuse it, as it has to refuse a load.
return {redis.call('TIME'), redis.call('ZRANGE', KEYS[1], unpack(ARGV))}
