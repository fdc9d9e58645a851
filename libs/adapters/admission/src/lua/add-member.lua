-- Adds a member to a set. ARGV: member.
return redis.call('SADD', KEYS[1], ARGV[1])
