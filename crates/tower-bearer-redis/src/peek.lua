-- Gives the time, and the first ARGV[1] bytes of the session KEYS[1], which are none if there is no
-- such session. A server that accepts no writes has to refuse it, as it has to refuse a load.
return {redis.call('TIME'), redis.call('GETRANGE', KEYS[1], 0, ARGV[1] - 1)}
