"""The lines for the terminal that documents have, and running them as they stand there."""

import os
import re
import subprocess
from dataclasses import dataclass

from Support.demo import REPOSITORY

TIMEOUT_SECONDS = 20
# Whatever the documents call a workspace.
_WORKSPACES = re.compile(
    r"https?://axonify\.formation\.(?:localhost:8080|example\.com|pikesquare\.co)(?![\w.:-])", re.ASCII
)
_TARGET = re.compile(r"https?://[^/\s\"']+(/[^\s\"'?]*)")
_METHOD = re.compile(r"-X (\w+)|(?:^|\s)(?:-d|--data\S*)\s")


@dataclass(frozen=True)
class Line:
    """A command of a document, and what it answers."""

    document: str
    command: str
    status: int

    @property
    def call(self):
        """E.g. `GET /api/me`."""
        found = _METHOD.search(self.command)
        method = (found.group(1) or "POST") if found else "GET"
        return f"{method} {_TARGET.search(self.command).group(1)}"


@dataclass(frozen=True)
class Answer:
    """What curl got."""

    status: int
    body: str


def documents():
    """Those that have lines to try: the README and the pages of docs."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def lines_of(document):
    """A document's lines, each with the status that a comment above it names; otherwise it is 200."""
    found, text = [], iter(document.read_text().splitlines())
    comment = ""
    for line in text:
        if line.lstrip().startswith("curl "):
            command = line.strip()
            while command.endswith("\\"):
                command = command[:-1].rstrip() + " " + next(text).strip()
            status = re.search(r"\b[1-5]\d\d\b", comment)
            name = document.relative_to(REPOSITORY).as_posix()
            found.append(Line(name, command, int(status.group()) if status else 200))
        comment = line if line.lstrip().startswith("# ") else ""
    return found


def write_settings(directory, tenant, authority):
    """The directory's `.curlrc`: what a line must not have to say here, because it is so only in the tests."""
    port = tenant.url.rsplit(":", 1)[1]
    (directory / ".curlrc").write_text(
        "\n".join(
            [
                f'cacert = "{authority}"',
                f'resolve = "{tenant.host}:{port}:127.0.0.1"',
                'noproxy = "*"',
                f"max-time = {TIMEOUT_SECONDS}",
                "silent",
                "show-error",
                r'write-out = "\n%{http_code}"',
                "",
            ]
        )
    )


def run(command, directory, tenant, **placeholders):
    """Runs a line, at the tenant's workspace; the placeholders are its `$NAMES`."""
    command = _WORKSPACES.sub(tenant.url, command)
    # Over https the cookie has the name that browsers protect.
    command = command.replace('"formation_session=', '"__Host-formation_session=')
    done = subprocess.run(
        ["bash", "-euc", command],
        env={"PATH": os.environ["PATH"], "CURL_HOME": str(directory), **placeholders},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    body, status = done.stdout.rsplit("\n", 1)
    return Answer(int(status), body)
