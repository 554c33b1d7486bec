"""Another account of the same machine reaches loopback and may not act, read or forge.

The attack: post a deployment whose pull step copies person.key, start it, and read the copy.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import RunningInstallation, wait_until

# Standard library only: the attacker has no part of sendflow. It prints one status for each attempt.
ATTACK = """
import json, os, smtplib, sys, urllib.error, urllib.request
target = json.loads(sys.argv[1])
if os.getuid() == 0:
    for attempt in (lambda: urllib.request.urlopen("http://127.0.0.1:9/"), lambda: smtplib.SMTP("127.0.0.1", 9)):
        try:
            attempt()  # the interpreter may lie where only root reads: what the attempts import is imported now
        except OSError:
            pass
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
api = target["api"]
flow = "00000000-0000-0000-0000-000000000000"
steps = [{"prefect.deployments.steps.run_shell_script": {"script": "install -m 0644 " + target["key"] + " /tmp/copy"}}]
attempts = {
    "health": (api + "/health", None, {}),
    "deployments": (api + "/deployments/filter", {}, {}),
    "deployment": (api + "/deployments/", {"name": "verify-now", "flow_id": flow, "pull_steps": steps}, {}),
    "rebinding": (api + "/deployments/", {"name": "verify-now", "flow_id": flow}, {"Host": "evil.example"}),
    "other site": (api + "/deployments/", {"name": "x", "flow_id": flow}, {"Origin": "http://evil.example"}),
    "block": (api + "/block_documents/", {}, {}),
    "automation": (api + "/automations/", {}, {}),
    "start": (api + "/deployments/" + flow + "/create_flow_run", {}, {}),
    "page": (target["ui"] + "/", None, {"Accept": "text/html"}),
    "metrics": (target["health"] + "/metrics", None, {}),
    "guessed link": (target["ui"] + "/sign-in?token=" + "A" * 43, None, {}),
}
found = {}
for name, (url, body, headers) in attempts.items():
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json", **headers})
    try:
        found[name] = urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as refused:
        found[name] = refused.code
try:
    with smtplib.SMTP(target["smtp_host"], target["smtp_port"], timeout=20) as smtp:
        smtp.sendmail("dco@icb.example", ["dco@icb.example"], b"Subject: a forged digest\\r\\n\\r\\nAll is well.\\r\\n")
    found["letter"] = 250
except smtplib.SMTPSenderRefused as refused:
    found["letter"] = refused.smtp_code
for name in ("person.key", "auth", "sendflow.db"):
    try:
        open(target["home"] + "/" + name, "rb").read()
        found[name] = "read"
    except PermissionError:
        found[name] = "refused"
print(json.dumps(found))
"""


def _answers(installation: RunningInstallation, url: str) -> bool:
    try:
        with installation.get(url) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.installation
@pytest.mark.timeout(300)
def test_another_account_of_the_machine_may_do_nothing(installation: RunningInstallation) -> None:
    """As root the test becomes another account; as any other user it attacks without the login."""
    running = installation.running
    wait_until(lambda: _answers(installation, f"{running['watch_url']}/live"))
    target = {
        "home": str(installation.home),
        "key": str(installation.home / "person.key"),
        "api": running["api_url"],
        "ui": running["ui_url"],
        "health": running["watch_url"],
        "smtp_host": running["smtp_host"],
        "smtp_port": running["smtp_port"],
    }
    letters = {*(installation.home / "letters").glob("*.eml")}
    command = [sys.executable, "-c", ATTACK, json.dumps(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if os.getuid() == 0:
        assert {name: found[name] for name in ("person.key", "auth", "sendflow.db")} == {
            "person.key": "refused",
            "auth": "refused",
            "sendflow.db": "refused",
        }
    assert {name: code for name, code in found.items() if isinstance(code, int)} == {
        "health": 401,
        "deployments": 401,
        "deployment": 401,
        "rebinding": 421,
        "other site": 403,
        "block": 401,
        "automation": 401,
        "start": 401,
        "page": 401,
        "metrics": 401,
        "guessed link": 403,
        "letter": 530,
    }
    forged = {*(installation.home / "letters").glob("*.eml")} - letters
    assert [each for each in forged if b"forged" in each.read_bytes()] == []


@pytest.mark.installation
def test_every_file_is_for_its_own_account_under_any_umask(installation: RunningInstallation) -> None:
    lax = [
        str(path.relative_to(installation.home))
        for path in [installation.home, *installation.home.rglob("*")]
        if path.lstat().st_mode & 0o077 and not stat.S_ISLNK(path.lstat().st_mode)
    ]
    assert lax == []


@pytest.mark.installation
def test_no_process_of_it_writes_its_memory_to_the_disk(installation: RunningInstallation) -> None:
    for pid in (installation.process.pid, *installation.running["pids"].values()):
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert next(line for line in limits.splitlines() if line.startswith("Max core")).split()[4] == "0", pid


def _family(pid: int) -> Iterator[int]:
    """A process and every process below it."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in file.read_text().split():
            yield from _family(int(child))


def _listening(pids: set[int]) -> set[str]:
    """The addresses on which these processes wait for connections, as the kernel writes them."""
    sockets = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(str(handle.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].partition(":")[0])
    return found


@pytest.mark.installation
def test_it_listens_on_loopback_only(installation: RunningInstallation) -> None:
    given = (installation.process.pid, *installation.running["pids"].values())
    pids = {each for pid in given for each in _family(pid)}
    assert _listening(pids) == {"0100007F"}
