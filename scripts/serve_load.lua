-- What wrk asks in docs/benchmarks.md: tiles that exist, in random order. The list of their paths (z/x/y.png, one
-- a line) is named by TILES, what comes before them by PREFIX.
local paths, count = {}, 0
local prefix = os.getenv("PREFIX") or "/"

function init()
  for line in io.lines(os.getenv("TILES") or "tiles.txt") do
    count = count + 1
    paths[count] = wrk.format("GET", prefix .. line)
  end
  math.randomseed(7)
end

function request()
  return paths[math.random(count)]
end
