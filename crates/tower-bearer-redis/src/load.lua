-- The time, and the session KEYS[1].
--
-- It writes nothing, yet is not marked `no-writes`. What it reads feeds a decision, so a server
-- that takes no writes has to refuse it: a replica, a primary that has been demoted, and one
-- that has lost the replicas that `min-replicas-to-write` asks for.
return {redis.call('TIME'), redis.call('GET', KEYS[1])}
