"""A certificate for the demo, signed by an authority that is made with it: real clients insist on https."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NAMES = ("formation.localhost", "*.formation.localhost")
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """PEM files."""

    chain: Path
    key: Path
    authority: Path


def make(directory):
    """One for the base domain and every workspace below it, in files of the directory."""

    def openssl(*arguments):
        command = ["openssl", *arguments]
        done = subprocess.run(
            command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"openssl {arguments[0]} failed:\n{done.stderr}")

    openssl(
        *("req", "-x509", "-days", "2", "-subj", "/CN=Test authority", "-addext", "keyUsage=critical,keyCertSign"),
        *("-keyout", "authority.key", "-out", "authority.pem", *_NEW_KEY),
    )
    openssl("req", "-subj", f"/CN={NAMES[0]}", "-keyout", "gateway.key", "-out", "gateway.request", *_NEW_KEY)
    extensions = [
        "basicConstraints = critical, CA:FALSE",
        "authorityKeyIdentifier = keyid",
        "extendedKeyUsage = serverAuth",
        "subjectAltName = " + ", ".join(f"DNS:{name}" for name in NAMES),
    ]
    (directory / "gateway.extensions").write_text("\n".join(extensions) + "\n")
    openssl(
        *("x509", "-req", "-in", "gateway.request", "-CA", "authority.pem", "-CAkey", "authority.key"),
        *("-set_serial", "1", "-days", "2", "-extfile", "gateway.extensions", "-out", "gateway.pem"),
    )
    return Certificate(
        chain=directory / "gateway.pem", key=directory / "gateway.key", authority=directory / "authority.pem"
    )
