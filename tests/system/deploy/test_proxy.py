"""nginx accepts the reverse proxy's file. The proxy permits what people may do on the pages and nothing that would
run programs on a worker.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from notifications.local_smtp import free_port
from tests.support.installation import wait_until
from tests.support.paths import ROOT

SITE = ROOT / "deploy" / "nginx" / "sendflow.conf"
RUN = "70c6785e-be1d-4073-b256-1f2f37a8732f"
MAY = (
    ("GET", "/"),
    ("GET", "/runs/flow-run/x"),
    ("GET", "/ui-settings"),
    ("GET", "/api/health"),
    ("GET", "/api/admin/settings"),
    ("GET", "/api/csrf-token"),
    ("GET", "/api/events/out"),
    ("GET", f"/api/flow_runs/{RUN}"),
    ("POST", "/api/flow_runs/filter"),
    ("POST", "/api/flow_runs/count"),
    ("POST", "/api/deployments/paginate"),
    ("POST", "/api/artifacts/latest/filter"),
    ("POST", "/api/work_pools/sendflow/workers/filter"),
    ("POST", "/api/work_pools/sendflow/queues/filter"),
    ("POST", "/api/events/count-by/time"),
    ("POST", "/api/ui/flow_runs/history"),
    ("POST", "/api/flow_runs/lateness"),
    ("POST", f"/api/deployments/{RUN}/create_flow_run"),
    ("POST", f"/api/flow_runs/{RUN}/set_state"),
)
MAY_NOT = (
    ("POST", "/api/deployments/"),
    ("PATCH", f"/api/deployments/{RUN}"),
    ("DELETE", f"/api/deployments/{RUN}"),
    ("POST", "/api/work_pools/"),
    ("PATCH", "/api/work_pools/sendflow"),
    ("DELETE", "/api/work_pools/sendflow"),
    ("POST", "/api/block_documents/"),
    ("POST", "/api/automations/"),
    ("PUT", f"/api/automations/{RUN}"),
    ("POST", "/api/flow_runs/"),
    ("PATCH", f"/api/flow_runs/{RUN}"),
    ("DELETE", f"/api/flow_runs/{RUN}"),
    ("POST", "/api/admin/database/clear"),
    ("POST", "/api/variables/"),
    ("GET", "/api/events/in"),
    ("POST", "/api/events"),
    ("POST", "/api/logs/"),
    ("PUT", "/api/concurrency_limits/filter"),
    ("POST", "/api/deployments/filter/../"),
)


class Echo(BaseHTTPRequestHandler):
    """Answers with the request that arrived."""

    def _answer(self) -> None:
        login, scheme = self.headers.get("Authorization"), self.headers.get("X-Forwarded-Proto")
        said = f"{self.command} {self.path} {login} {scheme} {self.connection.getsockname()[1]}"
        said = f"{said} {self.headers.get('Host')} {self.headers.get('X-Forwarded-For')} {self.headers.get('Cookie')}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(said.encode())))
        self.end_headers()
        self.wfile.write(said.encode())

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Proxy:
    """nginx with the shipped file, except addresses, ports and certificates."""

    def __init__(self, folder: Path, behind: int, watch: int, pages: int) -> None:
        """Writes its files."""
        self.pages = pages
        self.folder, self.port, self.machines = folder, free_port(), free_port()
        self.certificate = folder / "sendflow.pem"
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-keyout",
                folder / "sendflow.key",
                "-out",
                self.certificate,
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
            ],
            check=True,
            capture_output=True,
        )
        changes = {
            "/etc/ssl/certs/sendflow.pem": str(self.certificate),
            "/etc/ssl/private/sendflow.key": str(folder / "sendflow.key"),
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "listen 8443": f"listen 127.0.0.1:{self.machines}",
            "127.0.0.1:4200": f"127.0.0.1:{behind}",
            "127.0.0.1:4280": f"127.0.0.1:{watch}",
            "127.0.0.1:8300": f"127.0.0.1:{pages}",
        }
        site = SITE.read_text()
        for shipped, here in changes.items():
            assert shipped in site
            site = site.replace(shipped, here)
        (folder / "site.conf").write_text(site)
        places = "".join(
            f"{name}_temp_path {folder}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = (
            f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log; events {{}} http {{ access_log"
            f" off; {places} include site.conf; }}"
        )
        (folder / "nginx.conf").write_text(main)

    def command(self, *words: str) -> list[str]:
        return ["nginx", "-e", f"{self.folder}/log", "-p", str(self.folder), "-c", "nginx.conf", *words]

    def ask(self, method: str, path: str, port: int | None = None, host: str = "localhost") -> tuple[int, str]:
        """Return the status and the answer."""
        request = urllib.request.Request(
            f"https://localhost:{port or self.port}{path}",
            method=method,
            headers={"Authorization": "Basic ZGNv", "Host": host, "Cookie": "a=b"},
        )
        try:
            with urllib.request.urlopen(
                request, timeout=10, context=ssl.create_default_context(cafile=self.certificate)
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, ""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx before two servers that return the request."""
    behind = [ThreadingHTTPServer(("127.0.0.1", 0), Echo) for _ in range(3)]
    for each in behind:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    made = Proxy(tmp_path_factory.mktemp("nginx"), *(each.server_address[1] for each in behind))
    running = subprocess.Popen(made.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(made) or running.poll() is not None, 20)
        assert running.poll() is None, (made.folder / "log").read_text()
        yield made
    finally:
        running.terminate()
        running.wait(20)
        for each in behind:
            each.shutdown()
            each.server_close()


def _listens(proxy: Proxy) -> bool:
    try:
        return proxy.ask("GET", "/")[0] == 200
    except OSError:
        return False


if shutil.which("nginx") and shutil.which("openssl"):

    def test_nginx_finds_no_fault_in_the_file(proxy: Proxy) -> None:
        done = subprocess.run(proxy.command("-t"), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr

    def test_people_may_read_start_and_cancel_and_nothing_else(proxy: Proxy) -> None:
        found = {each: proxy.ask(*each)[0] for each in (*MAY, *MAY_NOT)}
        assert found == dict.fromkeys(MAY, 200) | dict.fromkeys(MAY_NOT, 403)

    def test_the_proxy_passes_the_login_on_and_the_health_endpoints_have_addresses(proxy: Proxy) -> None:
        assert proxy.ask("GET", "/api/health")[1].startswith("GET /api/health Basic ZGNv https ")
        assert proxy.ask("GET", "/metrics")[1].startswith("GET /metrics Basic ZGNv")

    @pytest.mark.parametrize("host", ["sendflow.icb.example", "cases.icb.example"])
    def test_programs_reach_the_interface_under_both_names(proxy: Proxy, host: str) -> None:
        for method in ("GET", "POST"):
            status, said = proxy.ask(method, "/api/v1/own/cases?limit=2", host=host)
            assert status == 200
            start = f"{method} /api/v1/own/cases?limit=2 Basic ZGNv https {proxy.pages} {host} 127.0.0.1 "
            assert said == start + ("None" if host.startswith("sendflow") else "a=b")
        assert f" {proxy.pages} " not in proxy.ask("GET", "/api/v1x", host="sendflow.icb.example")[1]

    def test_machines_of_the_installation_have_a_port_of_their_own(proxy: Proxy) -> None:
        assert proxy.ask("POST", "/api/deployments/", proxy.machines)[0] == 200
        assert proxy.ask("GET", "/", proxy.machines)[0] == 404
