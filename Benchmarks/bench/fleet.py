"""Everything that runs during a measurement: upstream, database rows, gateway and peers, in one temporary directory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .processes import Failure, Process, Processors, end_with_parent, free_ports, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "Benchmarks" / "Peers"
TOOLS = ROOT / ".build" / "bench"
BASE_DOMAIN = "formation.localhost"
INSTANCE_NAME = "salesforce.localhost"
KILOBYTE = 1024
MEGABYTE = 1024 * 1024
# Instances that the tenants of slow clients are spread over.
SLOW_INSTANCES = 10

# Calls of the measurement: name and target.
CALLS = {
    "1kb": "/services/data/v60.0/query?q=SELECT+Id%2C+Name%2C+Industry+FROM+Account+WHERE+Name+LIKE+%27A%25%27",
    "1mb": "/services/data/v60.0/sobjects/Document/1mb/Body",
    "1gb": "/services/data/v60.0/sobjects/Document/1gb/Body",
    "echo": "/services/data/v60.0/echo",
    "upload": "/services/data/v60.0/jobs/ingest/upload/batches",
    "sink": "/services/data/v60.0/jobs/ingest/sink/batches",
}


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in."""

    subdomain: str
    cookie: str
    token: str

    def head(self, target: str, method: str = "GET", extra: str = "") -> str:
        """A request's head as a browser on the tenant's own pages sends it: about 600 bytes."""
        host = f"{self.subdomain}.{BASE_DOMAIN}"
        return (
            f"{method} {target} HTTP/1.1\r\n"
            f"Host: {host}\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
            "Accept: application/json\r\n"
            "Accept-Language: en-GB,en;q=0.7\r\n"
            "Accept-Encoding: gzip, deflate, br\r\n"
            f"Referer: http://{host}/opportunities\r\n"
            "Sec-Fetch-Site: same-origin\r\n"
            f"Cookie: formation_session={self.cookie}\r\n"
            f"{extra}\r\n")


@dataclass(frozen=True)
class Population:
    """What to put into a database."""

    prefix: str
    tenants: int
    users: int
    sessions: int
    instance: str


@dataclass
class Proxy:
    """A proxy under measurement."""

    name: str
    label: str
    process: Process
    plain: int
    tls: int
    is_gateway: bool = False

    def port(self, upstream: str) -> int:
        return self.tls if upstream == "tls" else self.plain


class Fleet:
    """Starts and ends all of it."""

    def __init__(self, directory: Path, formation: Path, seeder: Path, processors: Processors, threads: int):
        self.directory = directory
        self.formation = formation
        self.seeder = seeder
        self.processors = processors
        self.threads = threads
        self.key = os.urandom(32).hex()
        self.upstream_plain, self.upstream_tls, self.upstream_sink = free_ports(3)
        self.running: list[Process] = []
        self.proxies: list[Proxy] = []
        self.sessions: dict[str, list[Session]] = {}
        self.sink_rate = 40 * MEGABYTE
        self._database = os.environ["DATABASE_URL"]

    # MARK: Life

    def start(self, tenants: int, people: int) -> None:
        """Starts everything, with so many tenants for each kind of upstream, and so many people in each of them."""
        self._prepare_directory()
        self._make_certificates()
        self._start_upstream()
        self.sessions = self.populate("bench_main", [
            Population("plain", tenants, people, 1, f"http://127.0.0.1:{self.upstream_plain}"),
            Population("tls", tenants, people, 1, f"https://{INSTANCE_NAME}:{self.upstream_tls}"),
            Population("sink", 1, 1, 1, f"http://127.0.0.1:{self.upstream_sink}"),
            # As in life: tenants have instances of their own.
            *(Population(f"slow{n}-", 100, 2, 1, f"http://org{n}.{INSTANCE_NAME}:{self.upstream_plain}")
              for n in range(1, SLOW_INSTANCES + 1)),
        ])
        self.sessions["slow"] = [
            session for n in range(1, SLOW_INSTANCES + 1) for session in self.sessions.pop(f"slow{n}-")]
        self._write_tables()
        self.proxies = [
            self.gateway("formation", "bench_main"), self._nginx("nginx", "nginx"),
            self._nginx("nginx-tuned", "nginx, tuned buffers"), self._nginx("nginx-lua", "nginx + Lua"),
            self._haproxy(), self._envoy(),
        ]

    def stop(self) -> None:
        for process in reversed(self.running):
            process.stop()
        self.running = []

    def restart(self, proxy: Proxy) -> None:
        """Ends a proxy and starts it again: its memory is then what it needs, not what it once needed."""
        proxy.process.stop()
        proxy.process.start()
        wait_for_port(proxy.plain)
        wait_for_port(proxy.tls)
        if proxy.is_gateway:
            wait_until_ready(proxy.process, proxy.plain)

    def proxy(self, name: str) -> Proxy:
        return next(proxy for proxy in self.proxies if proxy.name == name)

    def launch(self, process: Process, *ports: int) -> Process:
        """Starts a process that ends with the fleet, and waits until it listens."""
        process.start()
        self.running.append(process)
        for port in ports:
            try:
                wait_for_port(port)
            except Failure:
                process.check()
                raise
        return process

    def _prepare_directory(self) -> None:
        # The servers' workers are no root: they must get in.
        self.directory.chmod(0o755)
        files = self.directory / "files"
        files.mkdir()
        (files / "1mb").write_bytes(os.urandom(MEGABYTE))
        with (files / "1gb").open("wb") as file:
            file.truncate(1024 * MEGABYTE)

    # MARK: Upstream

    def _make_certificates(self) -> None:
        """An authority of our own, a certificate for the instance, and the system's roots with the authority added."""
        tls = self.directory / "tls"
        tls.mkdir()
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        _run(["openssl", "req", "-x509", *curve, "-subj", "/CN=Benchmark authority",
              "-keyout", tls / "ca.key", "-out", tls / "ca.pem"])
        _run(["openssl", "req", *curve[:-2], "-subj", f"/CN={INSTANCE_NAME}",
              "-keyout", tls / "server.key", "-out", tls / "server.csr"])
        (tls / "extensions").write_text(f"subjectAltName=DNS:{INSTANCE_NAME}\n")
        _run(["openssl", "x509", "-req", "-in", tls / "server.csr", "-CA", tls / "ca.pem", "-CAkey", tls / "ca.key",
              "-CAcreateserial", "-days", "2", "-extfile", tls / "extensions", "-out", tls / "server.pem"])
        roots = Path("/etc/ssl/certs/ca-certificates.crt")
        (tls / "roots.pem").write_bytes(roots.read_bytes() + (tls / "ca.pem").read_bytes())

    def _start_upstream(self) -> None:
        document = '{"totalSize":1,"done":true,"records":[{"attributes":{"type":"Account"},"Description":"'
        filler = "x" * (KILOBYTE - len(document) - len('"}]}'))
        config = self.render("upstream.conf", {
            "PLAIN": self.upstream_plain, "TLS": self.upstream_tls, "KILOBYTE": document + filler + '"}]}'})
        self.launch(
            Process("upstream", ["nginx", "-c", str(config)], self.directory / "upstream.out", self.processors.rest),
            self.upstream_plain, self.upstream_tls)
        threading.Thread(target=self._run_sink, daemon=True).start()
        wait_for_port(self.upstream_sink)

    def _run_sink(self) -> None:
        """An upstream that takes an upload slowly, so that a proxy which does not push back must keep it."""
        from .sink import serve
        serve(self.upstream_sink, self.sink_rate)

    # MARK: Rows

    def _psql(self, database: str, *arguments: str) -> None:
        host = re.search(r"host=([^&]+)", self._database)
        if host is None:
            raise Failure("run me under Scripts/with-postgres, as Scripts/bench does")
        _run(["psql", "--no-psqlrc", "--quiet", "--host", host[1], "--username", "postgres", "--dbname", database,
              "--set", "ON_ERROR_STOP=1", *arguments])

    def database_url(self, name: str) -> str:
        return self._database.replace("/formation?", f"/{name}?")

    def populate(self, name: str, populations: list[Population]) -> dict[str, list[Session]]:
        """A migrated database with these rows; the sessions by prefix."""
        self._psql("postgres", "--command", f"CREATE DATABASE {name} OWNER formation")
        _run([self.formation, "db", "migrate"], self.gateway_environment(name, 0), cwd=self.directory)
        found: dict[str, list[Session]] = {}
        for population in populations:
            rows = self.directory / "rows"
            rows.mkdir()
            _run([self.seeder, population.prefix, population.tenants, population.users, population.sessions,
                  population.instance, rows], {"ENCRYPTION_KEY": self.key})
            self._copy(name, rows)
            with (rows / "cookies.tsv").open() as file:
                found[population.prefix] = [Session(*line.rstrip("\n").split("\t")) for line in file]
            shutil.rmtree(rows)
        # Otherwise the server does it while something is measured.
        self._psql(name, "--command", "vacuum analyze")
        return found

    def _copy(self, database: str, rows: Path) -> None:
        columns = {
            "customers": "id, company_name, subdomain, salesforce_instance_url, salesforce_client_id, "
            "salesforce_client_secret, salesforce_org_id, data_key, subscription_tier, subscription_status, "
            "created_at, updated_at",
            "users": "id, customer_id, email, salesforce_user_id, first_name, last_name, role, created_at, updated_at",
            "oauth_tokens": "id, user_id, customer_id, access_token, refresh_token, instance_url, expires_at, "
            "created_at, updated_at",
            "sessions": "id, customer_id, user_id, token_hash, created_at, last_seen_at, expires_at",
        }
        script = self.directory / "copy.sql"
        lines = [
            # No row of the change feed for each: nobody has cached anything yet.
            "set session_replication_role = replica;",
            *(f"\\copy {table} ({names}) from '{rows / table}.tsv'" for table, names in columns.items()),
            "insert into customer_configs (customer_id) select id from customers c "
            "where not exists (select 1 from customer_configs where customer_id = c.id);",
        ]
        script.write_text("\n".join(lines) + "\n")
        self._psql(database, "--file", str(script))

    def _write_tables(self) -> None:
        """What the peers look up: the same tenants and sessions."""
        sessions = [session for group in self.sessions.values() for session in group]
        text = "".join(f"{s.subdomain}\t{s.cookie}\t{s.token}\n" for s in sessions)
        (self.directory / "sessions.tsv").write_text(text)
        hosts = sorted({s.subdomain for s in sessions})
        (self.directory / "tenants.map").write_text("".join(f"{h}.{BASE_DOMAIN} {h}\n" for h in hosts))
        (self.directory / "sessions.map").write_text("".join(f"{s.cookie} Bearer {s.token}\n" for s in sessions))

    # MARK: Proxies

    def gateway_environment(self, database: str, port: int) -> dict[str, str]:
        hosts = [f"127.0.0.1:{self.upstream_plain}", f"{INSTANCE_NAME}:{self.upstream_tls}",
                 f"127.0.0.1:{self.upstream_sink}",
                 *(f"org{n}.{INSTANCE_NAME}:{self.upstream_plain}" for n in range(1, SLOW_INSTANCES + 1))]
        return {
            "DATABASE_URL": self.database_url(database),
            "ENCRYPTION_KEY": self.key,
            "BASE_URL": f"http://{BASE_DOMAIN}:{port}",
            "PORT": str(port),
            "EVENT_LOOPS": str(self.threads),
            "SALESFORCE_ALLOWED_HOSTS": ",".join(hosts),
            # Longer than any run.
            "SESSION_IDLE_MINUTES": "600",
        }

    def gateway_process(self, name: str, database: str, port: int) -> Process:
        """The gateway, as it is deployed, but that it trusts the benchmark's authority.

        TLS towards Salesforce trusts the system's roots and nothing else; so it gets its own view of the file system,
        in which the benchmark's authority is among them.
        """
        trusting = 'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"'
        namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        command = [*namespace, "sh", "-c", trusting, str(self.directory / "tls" / "roots.pem"),
                   str(self.formation), "serve"]
        return Process(
            name, command, self.directory / f"{name}.log", self.processors.proxy,
            self.gateway_environment(database, port), self.directory)

    def gateway(self, name: str, database: str) -> Proxy:
        port = free_ports(1)[0]
        process = self.launch(self.gateway_process(name, database, port), port)
        wait_until_ready(process, port)
        return Proxy(name, "formation", process, port, port, is_gateway=True)

    def render(self, template: str, values: dict[str, object], name: str | None = None) -> Path:
        """A configuration from a template: `@NAME@` stands for a value."""
        user = "user nobody nogroup;" if os.geteuid() == 0 else ""
        every: dict[str, object] = {
            "DIRECTORY": self.directory, "PEERS": PEERS, "THREADS": self.threads, "USER": user,
            "MODULES": "/usr/lib/nginx/modules", "UPSTREAM_PLAIN": self.upstream_plain,
            "UPSTREAM_TLS": self.upstream_tls, "UPSTREAM_SINK": self.upstream_sink,
            "TOKEN": self.sessions["plain"][0].token if self.sessions else "", **values}
        text = re.sub(r"@([A-Z_]+)@", lambda match: str(every[match[1]]), (PEERS / template).read_text())
        path = self.directory / (name or template)
        path.write_text(text)
        return path

    def _nginx(self, name: str, label: str) -> Proxy:
        plain, tls = free_ports(2)
        tuned = "proxy_buffers 8 64k; proxy_buffer_size 16k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;"
        values = {"NAME": name, "PLAIN": plain, "TLS": tls, "TUNED": tuned if name == "nginx-tuned" else ""}
        template = "nginx-lua.conf" if name == "nginx-lua" else "nginx.conf"
        config = self.render(template, values, f"{name}.conf")
        process = Process(name, ["nginx", "-c", str(config)], self.directory / f"{name}.out", self.processors.proxy)
        return Proxy(name, label, self.launch(process, plain, tls), plain, tls)

    def _haproxy(self) -> Proxy:
        plain, tls = free_ports(2)
        rules = self.render("haproxy-rules.cfg", {}).read_text().strip().replace("\n", "\n    ")
        config = self.render("haproxy.cfg", {"PLAIN": plain, "TLS": tls, "RULES": rules})
        process = Process(
            "haproxy", ["haproxy", "-db", "-f", str(config)], self.directory / "haproxy.log", self.processors.proxy)
        return Proxy("haproxy", "HAProxy", self.launch(process, plain, tls), plain, tls)

    def _envoy(self) -> Proxy:
        plain, tls, admin = free_ports(3)
        listeners = "\n".join(
            self.render("envoy-listener.yaml", {"CLUSTER": cluster, "PORT": port}).read_text().rstrip("\n")
            for cluster, port in (("plain", plain), ("tls", tls)))
        config = self.render("envoy.yaml", {"ADMIN": admin, "LISTENERS": listeners})
        command = [str(envoy_path()), "-c", str(config), "--concurrency", str(self.threads), "--log-level", "error",
                   "--disable-hot-restart"]
        process = Process("envoy", command, self.directory / "envoy.out", self.processors.proxy)
        return Proxy("envoy", "Envoy", self.launch(process, plain, tls), plain, tls)


def envoy_path() -> Path:
    """Where Scripts/bench put Envoy."""
    found = sorted(TOOLS.glob("venv/lib/python3*/site-packages/envoy/_bin/envoy"))
    if not found:
        raise Failure("Envoy is not there: Scripts/bench installs it")
    return found[-1]


def wait_until_ready(process: Process, port: int, seconds: float = 30, pause: float = 0.02) -> None:
    """Waits for `GET /readyz` to say 200."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        process.check()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(pause)
    raise Failure(f"{process.name} is not ready after {seconds} s; its log is {process.log}")


def _run(command: list[object], environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    whole = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **(environment or {})}
    result = subprocess.run(
        [str(word) for word in command], env=whole, cwd=cwd, capture_output=True, text=True, check=False,
        preexec_fn=lambda: end_with_parent(frozenset(os.sched_getaffinity(0))))
    if result.returncode != 0:
        raise Failure(f"{command[0]} failed with status {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout
