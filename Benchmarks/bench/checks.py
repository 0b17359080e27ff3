"""The self-check: every proxy answers right, changes the headers that it should, and writes its log."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass

from .fleet import BASE_DOMAIN, CALLS, INSTANCE_NAME, KILOBYTE, MEGABYTE, Fleet, Proxy, Session

# Headers that differ from call to call.
VARYING = {"date", "x-request-id", "server-timing", "etag", "last-modified"}


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def ask(proxy: Proxy, session: Session, call: str, upstream: str, host: str | None = None,
        changes: dict[str, str] | None = None) -> Answer:
    """One call, as a browser makes it."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port(upstream), timeout=20)
    try:
        connection.putrequest("GET", CALLS[call], skip_host=True, skip_accept_encoding=True)
        fields = dict(line.split(": ", 1) for line in session.head(CALLS[call]).split("\r\n")[1:] if line)
        fields.update({"Host": f"{host or session.subdomain}.{BASE_DOMAIN}", **(changes or {})})
        for name, value in fields.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


class SelfCheck:
    """Says what is wrong as a list of sentences, and what differs as another."""

    def __init__(self, fleet: Fleet):
        self.fleet = fleet
        self.wrong: list[str] = []
        self.differences: list[str] = []

    def run(self) -> bool:
        for proxy in self.fleet.proxies:
            for upstream in ("plain", "tls"):
                self._check_calls(proxy, upstream)
            self._check_refusals(proxy)
        self._check_logs()
        self._compare("towards Salesforce", self._seen_by_salesforce)
        self._compare("towards the client", self._seen_by_client)
        return not self.wrong

    def _expect(self, proxy: Proxy, what: str, is_right: bool) -> None:
        if not is_right:
            self.wrong.append(f"{proxy.name}: {what}")

    def _check_calls(self, proxy: Proxy, upstream: str) -> None:
        session = self.fleet.sessions[upstream][-1]
        small = ask(proxy, session, "1kb", upstream)
        self._expect(proxy, f"1 KB over {upstream}: {small.status}, {len(small.body)} bytes",
                     small.status == 200 and len(small.body) == KILOBYTE)
        large = ask(proxy, session, "1mb", upstream)
        same = large.body == (self.fleet.directory / "files" / "1mb").read_bytes()
        self._expect(proxy, f"1 MB over {upstream}: {large.status}, {len(large.body)} bytes, not as sent",
                     large.status == 200 and len(large.body) == MEGABYTE and same)
        echo = ask(proxy, session, "echo", upstream)
        fields = self._fields(echo.body)
        self._expect(proxy, f"echo over {upstream}: {echo.status}", echo.status == 200)
        target = echo.body.split(b" ", 2)[1:2]
        self._expect(proxy, "another target arrives", target == [CALLS["echo"].encode()])
        looks_up = self._looks_up(proxy)
        token = f"Bearer {session.token if looks_up else self.fleet.sessions['plain'][0].token}"
        self._expect(proxy, "not the token of this session arrives", fields.get("authorization") == token)
        self._expect(proxy, "the cookie arrives at Salesforce", "cookie" not in fields)
        hosts = {INSTANCE_NAME, f"127.0.0.1:{self.fleet.upstream_plain}", f"{INSTANCE_NAME}:{self.fleet.upstream_tls}"}
        self._expect(proxy, f"the host {fields.get('host')} arrives", fields.get("host") in hosts)

    @staticmethod
    def _looks_up(proxy: Proxy) -> bool:
        return proxy.is_gateway or proxy.name in ("nginx-lua", "haproxy")

    def _check_refusals(self, proxy: Proxy) -> None:
        """What those that look up refuse."""
        if not self._looks_up(proxy):
            return
        session = self.fleet.sessions["plain"][-1]
        stranger = ask(proxy, session, "1kb", "plain", host="nobody")
        self._expect(proxy, f"an unknown host gets {stranger.status}", stranger.status == 404)
        unknown = ask(proxy, session, "1kb", "plain", changes={"Cookie": "formation_session=" + "A" * 43})
        self._expect(proxy, f"an unknown cookie gets {unknown.status}", unknown.status == 401)
        if proxy.name == "haproxy":
            return
        other = self.fleet.sessions["plain"][0].subdomain
        foreign = ask(proxy, session, "1kb", "plain", host=other)
        self._expect(proxy, f"another tenant's cookie gets {foreign.status}", foreign.status == 401)
        sibling = ask(proxy, session, "1kb", "plain", changes={"Sec-Fetch-Site": "same-site"})
        self._expect(proxy, f"a sibling's page gets {sibling.status}", sibling.status == 403)

    def _check_logs(self) -> None:
        """Each has written a line for each call: the last one's path is in its log."""
        logs = {proxy.name: self.fleet.directory / f"{proxy.name}.log" for proxy in self.fleet.proxies}
        session = self.fleet.sessions["plain"][0]
        for proxy in self.fleet.proxies:
            before = logs[proxy.name].read_bytes().count(b"\n") if logs[proxy.name].exists() else 0
            for _ in range(20):
                ask(proxy, session, "1kb", "plain")
            # Those that write in blocks do so after a second, Envoy after ten.
            end = time.monotonic() + 15
            lines = 0
            while lines < 20 and time.monotonic() < end:
                time.sleep(0.1)
                lines = logs[proxy.name].read_bytes().count(b"\n") - before
            self._expect(proxy, f"20 calls left {lines} lines in the access log", lines >= 20)

    # MARK: What differs

    def _fields(self, head: bytes) -> dict[str, str]:
        lines = head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}

    def _seen_by_salesforce(self, proxy: Proxy) -> dict[str, str]:
        fields = self._fields(ask(proxy, self.fleet.sessions["plain"][-1], "echo", "plain").body)
        # Those that look nothing up send one token for all.
        if "authorization" in fields:
            fields["authorization"] = "Bearer (a token)"
        fields["host"] = "(the instance)"
        return fields

    def _seen_by_client(self, proxy: Proxy) -> dict[str, str]:
        headers = ask(proxy, self.fleet.sessions["plain"][-1], "echo", "plain").headers
        return {name.lower(): "(set)" if name.lower() in VARYING else value for name, value in headers}

    def _compare(self, direction: str, read) -> None:
        """Every header that is not the same in all proxies."""
        seen = {proxy.name: read(proxy) for proxy in self.fleet.proxies}
        for header in sorted({header for fields in seen.values() for header in fields}):
            values: dict[str, list[str]] = {}
            for name, fields in seen.items():
                values.setdefault(fields.get(header, "(absent)"), []).append(name)
            if len(values) > 1:
                told = "; ".join(f"{value[:60]}: {', '.join(names)}" for value, names in values.items())
                self.differences.append(f"{direction}, {header}: {told}")
