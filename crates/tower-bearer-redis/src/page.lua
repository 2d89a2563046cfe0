-- The time, and at most ARGV[2] entries of the index KEYS[1] from ARGV[1] on. Like the load it has
-- to be refused by a server that takes no writes.
return {redis.call('TIME'), redis.call('ZRANGE', KEYS[1], ARGV[1], '+', 'BYLEX', 'LIMIT', 0, ARGV[2])}
