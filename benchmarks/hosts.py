"""Two hosts on one machine: network namespaces joined by a cable of their own.

Nothing leaves them, and with the block all of it is gone. Needs Linux, root
and iproute2.
"""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

ADDRESSES = ("10.77.0.1", "10.77.0.2")


def missing():
    """Return what two hosts need and this machine lacks; "" if nothing."""
    if getattr(os, "geteuid", lambda: 1)() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need iproute2"
    name = f"gru-{uuid.uuid4().hex[:8]}"
    made = _ip("netns", "add", name, check=False)
    if made.returncode:
        return f"no network namespaces here: {made.stderr.strip()}"
    _ip("netns", "delete", name)
    return ""


def _ip(*arguments, check=True):
    return subprocess.run(
        ["ip", *arguments],
        check=check,
        capture_output=True,
        text=True,
        timeout=20,
    )


class TwoHosts:
    """Two namespaces that see each other, and nothing else.

    ``folder`` gets the file that tells them each other's names.
    """

    def __init__(self, folder):
        stem = f"gru-{uuid.uuid4().hex[:8]}"
        self.names = f"{stem}-a", f"{stem}-b"
        self.file = Path(folder) / "hosts"

    def __enter__(self):
        """Make them."""
        rows = [f"{a} {n}" for a, n in zip(ADDRESSES, self.names, strict=True)]
        lines = ["127.0.0.1 localhost", *rows, ""]
        self.file.write_text("\n".join(lines), "ascii")
        try:
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _connect(self):
        first, second = self.names
        for name in self.names:
            _ip("netns", "add", name)
        cable = f"link add e0 netns {first} type veth peer name e0 netns"
        _ip(*cable.split(), second)
        for name, address in zip(self.names, ADDRESSES, strict=True):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "e0")
            for link in ("e0", "lo"):
                _ip("-n", name, "link", "set", link, "up")

    def __exit__(self, *error):
        """End what still runs on them, and take them away."""
        for name in self.names:
            found = _ip("netns", "pids", name, check=False).stdout.split()
            for process in found:
                subprocess.run(["kill", "-9", process], check=False)
            _ip("netns", "delete", name, check=False)

    def on(self, host, command):
        """Return a command that runs on one of them, 0 or 1."""
        own = 'mount --bind "$0" /etc/hosts && exec "$@"'
        inside = ["ip", "netns", "exec", self.names[host], "sh", "-c", own]
        return [*inside, str(self.file), *command]

    def set_cable(self, state):
        """Pull the second host's cable out ("down"), or put it back ("up")."""
        _ip("-n", self.names[1], "link", "set", "e0", state)
