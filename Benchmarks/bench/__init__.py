"""`make bench`: the gateway beside nginx, nginx with Lua, HAProxy and Envoy, on one machine and in one run."""
