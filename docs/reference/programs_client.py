"""An example of a program that hands requests to sendflow and takes back states. It needs Python alone.

export SENDFLOW_API=https://sendflow.example/api/v1 SENDFLOW_API_TOKEN_FILE=token.txt
python programs_client.py open northshire NS-05555 2026-03-02
python programs_client.py state SF-000001
python programs_client.py late
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

TRIES = 5


class Problem(Exception):
    """A call that sendflow refused: its code, what was wrong, and where."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.code, self.field = status, problem.get("code", ""), problem.get("field")
        super().__init__(problem.get("detail", "The call was refused."))


class Sendflow:
    """The interface of one installation, for one token."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address.rstrip("/"), token
        self._known: dict[str, tuple[str, Any]] = {}

    def open_case(self, la: str, la_reference: str, on: str, **identity: str) -> dict[str, Any]:
        """Hand over a request for an assessment, and take its reference back."""
        data = {"la": la, "la_reference": la_reference, **identity}
        return self.act("/cases", [{"kind": "ehc_assessment_requested", "on": on, "data": data}])

    def record(self, ref: str, kind: str, on: str, only_if: str | None = None, **data: Any) -> dict[str, Any]:
        """Record that something happened. `only_if`: the ETag of the case on which the decision was made."""
        headers = {"If-Match": only_if} if only_if else {}
        return self.act(f"/cases/{ref}/facts", [{"kind": kind, "on": on, "data": data}], headers)

    def case(self, ref: str) -> tuple[dict[str, Any], str]:
        """A case and its ETag. A case that has not changed is not sent again."""
        tag, known = self._known.get(ref, ("", None))
        status, found, headers = self._send("GET", f"/cases/{ref}", headers={"If-None-Match": tag} if tag else {})
        if status != 304:
            self._known[ref] = headers["ETag"], found
        return (known if status == 304 else found), self._known[ref][0]

    def listed(self, path: str, **filters: str) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        cursor: dict[str, str] = {}
        while True:
            page = self._send("GET", f"{path}?{urlencode({**filters, **cursor})}")[1]
            yield from page["items"]
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    def act(self, path: str, facts: list[dict[str, Any]], headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Record facts once, however often the connection breaks: each try has the same key."""
        named = {"Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
        for left in reversed(range(TRIES)):
            try:
                done: dict[str, Any] = self._send("POST", path, {"facts": facts}, named)[1]
                return done
            except Problem as problem:
                if problem.status not in (429, 502, 503, 504) or not left:
                    raise
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError):
                if not left:
                    raise
            time.sleep(2 ** (TRIES - left) / 10)
        raise AssertionError("the last try returns or raises")

    def _send(
        self, method: str, path: str, document: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, Any]:
        body = json.dumps(document).encode() if document is not None else None
        named = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.address + path, body, named, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as refused:
            if refused.code == 304:
                return 304, None, refused.headers
            is_ours = refused.headers.get_content_type() == "application/problem+json"  # and not of a proxy
            raise Problem(refused.code, json.loads(refused.read()) if is_ours else {}) from None


def main(words: list[str]) -> int:
    """Do what the command line says."""
    token = Path(os.environ["SENDFLOW_API_TOKEN_FILE"]).read_text("utf-8").strip()
    sendflow = Sendflow(os.environ["SENDFLOW_API"], token)
    try:
        match words:
            case ["open", la, la_reference, on]:
                lines = [sendflow.open_case(la, la_reference, on)["case_ref"]]
            case ["state", ref]:
                found, _tag = sendflow.case(ref)
                duties = [f"{each['rule']}  due {each['due']}  {each['standing']}" for each in found["duties"]]
                lines = [f"{ref}  {found['state_name']}", *duties]
            case ["late"]:
                late = sendflow.listed("/duties", show="late")
                lines = [f"{each['case_ref']}  {each['action']}  {each['days']} days late" for each in late]
            case _:
                sys.stderr.write(__doc__ or "")
                return 2
    except Problem as problem:
        sys.stderr.write(f"{problem} ({problem.code})\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
