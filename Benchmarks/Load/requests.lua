-- wrk's side: whole requests from a file, one picked at random each time, and the result as a line of JSON on stderr.
-- wrk -s requests.lua http://127.0.0.1:PORT -- FILE      FILE: requests, a NUL byte after each

local requests = {}
local pick = math.random

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    for request in file:read("*a"):gmatch("([^%z]+)%z") do requests[#requests + 1] = request end
    file:close()
    assert(#requests > 0, "no requests in " .. arguments[1])
    -- The address of a new table differs from run to run.
    math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 1000000)
end

function request() return requests[pick(#requests)] end

function done(summary, latency)
    local errors = summary.errors
    io.stderr:write(string.format(
        '{"requests": %d, "seconds": %.4f, "bytes": %d, "failed": %d, ' ..
        '"p50_us": %.0f, "p99_us": %.0f, "max_us": %.0f}\n',
        summary.requests, summary.duration / 1e6, summary.bytes,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50), latency:percentile(99), latency.max))
end
