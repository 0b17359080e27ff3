-- Who is calling, as the gateway finds it out: host -> tenant, cookie -> session of that tenant -> token.
local var = ngx.var

local tenant = ngx.shared.tenants:get(var.host)
if not tenant then return ngx.exit(404) end

-- The cross-origin rule: a browser's call must come from the tenant's own pages.
local site = var.http_sec_fetch_site
if site and site ~= "same-origin" then return ngx.exit(403) end

local cookie = var.cookie_formation_session
local session = cookie and ngx.shared.sessions:get(cookie)
if not session then return ngx.exit(401) end
local separator = session:find(" ", 1, true)
if session:sub(1, separator - 1) ~= tenant then return ngx.exit(401) end

var.token = session:sub(separator + 1)
