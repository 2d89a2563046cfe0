-- Gives the time, and the session KEYS[1].
--
-- It writes nothing, but is not marked `no-writes` on purpose. A server that accepts no writes has
-- to refuse it, because its data may be out of date: a replica, a demoted primary, or a primary
-- with fewer replicas than `min-replicas-to-write`.
return {redis.call('TIME'), redis.call('GET', KEYS[1])}
