-- Gives the time, and at most ARGV[2] entries of the index KEYS[1] from ARGV[1] on. A server that
-- accepts no writes has to refuse it, as it has to refuse a load.
return {redis.call('TIME'), redis.call('ZRANGE', KEYS[1], ARGV[1], '+', 'BYLEX', 'LIMIT', 0, ARGV[2])}
