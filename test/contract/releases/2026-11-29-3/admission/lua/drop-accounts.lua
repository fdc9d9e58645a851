-- Drops accounts on which nothing is held. ARGV: ("a:ACCOUNT", "l:ACCOUNT")…
-- Reply: how many were dropped.
local names, dropped = {}, 0
for i = 1, #ARGV, 2 do account_of(ARGV[i]) end
read({}, 0)
for i = 1, #ARGV, 2 do
  if account_of(ARGV[i]).held == 0 then
    names[dropped * 2 + 1], names[dropped * 2 + 2] = ARGV[i], ARGV[i + 1]
    dropped = dropped + 1
  end
end
save(names, #names)
return dropped
