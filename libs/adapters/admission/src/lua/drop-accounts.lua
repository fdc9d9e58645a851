-- Drops accounts on which nothing is held. ARGV: ("a:ACCOUNT", "l:ACCOUNT", "x:ACCOUNT")…
-- Reply: how many were dropped.
local names, dropped = {}, 0
for i = 1, #ARGV, 3 do account_of(ARGV[i]) end
read({}, 0)
for i = 1, #ARGV, 3 do
  if account_of(ARGV[i]).held == 0 then
    for part = 0, 2 do names[dropped * 3 + part + 1] = ARGV[i + part] end
    dropped = dropped + 1
  end
end
save(names, #names)
return dropped
