"""Names under `.localhost`: browsers know that they mean this machine (RFC 6761 §6.3), the system's resolver may not."""

import socket

_resolve = socket.getaddrinfo


def _resolve_localhost(host, *arguments, **options):
    name = host.decode() if isinstance(host, bytes) else host
    if isinstance(name, str) and name.rstrip(".").lower().endswith(".localhost"):
        return _resolve("127.0.0.1", *arguments, **options)
    return _resolve(host, *arguments, **options)


def resolve_to_loopback():
    """From here on, this process finds every name under `.localhost` on 127.0.0.1."""
    socket.getaddrinfo = _resolve_localhost
