"""The environment is read once, checked, and protects Prefect's settings."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from config.process_environment import child_environment, fix_prefect_environment, prefect_environment
from config.settings import Carrier, Settings, SettingsError


def test_nothing_set_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State lives in ./var, the pages on 4200, letters in the local sink."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.read({})
    assert (settings.home, settings.port, settings.carrier, settings.today) == (
        tmp_path / "var",
        4200,
        Carrier.SINK,
        None,
    )


def test_empty_values_are_as_good_as_none() -> None:
    """A variable that is set to nothing says nothing."""
    assert Settings.read({"SENDFLOW_PORT": "", "SENDFLOW_TODAY": "", "SENDFLOW_CARRIER": ""}).port == 4200


@pytest.mark.parametrize(
    ("given", "named", "example"),
    [
        ({"SENDFLOW_HOME": "./a\nb"}, "SENDFLOW_HOME", "SENDFLOW_HOME=./var"),
        ({"SENDFLOW_HOME": "./\x1b[31mred"}, "SENDFLOW_HOME", "SENDFLOW_HOME=./var"),
        ({"SENDFLOW_PORT": "port"}, "SENDFLOW_PORT", "SENDFLOW_PORT=4200"),
        ({"SENDFLOW_PORT": "0"}, "SENDFLOW_PORT", "1 to 65535"),
        ({"SENDFLOW_PORT": "65536"}, "SENDFLOW_PORT", "1 to 65535"),
        ({"SENDFLOW_PORT": "-1"}, "SENDFLOW_PORT", "1 to 65535"),
        ({"SENDFLOW_TODAY": "14/04/2026"}, "SENDFLOW_TODAY", "SENDFLOW_TODAY=2026-04-14"),
        ({"SENDFLOW_TODAY": "2026-02-30"}, "SENDFLOW_TODAY", "SENDFLOW_TODAY=2026-04-14"),
        ({"SENDFLOW_TODAY": "20260414"}, "SENDFLOW_TODAY", "SENDFLOW_TODAY=2026-04-14"),
        ({"SENDFLOW_CARRIER": "pigeon"}, "SENDFLOW_CARRIER", "sink, smtp, file"),
        ({"SENDFLOW_LOG_LEVEL": "LOUD"}, "SENDFLOW_LOG_LEVEL", "WARNING"),
        ({"SENDFLOW_TICK_SECONDS": "0"}, "SENDFLOW_TICK_SECONDS", "SENDFLOW_TICK_SECONDS=60"),
        ({"SENDFLOW_TODAY": "2026-04-14", "SENDFLOW_CARRIER": "smtp"}, "SENDFLOW_TODAY", "SENDFLOW_CARRIER=sink"),
        ({"SENDFLOW_TODAY": "2026-04-14", "SENDFLOW_CARRIER": "file"}, "SENDFLOW_TODAY", "SENDFLOW_CARRIER=sink"),
        ({"SENDFLOW_BIND": "0.0.0.0"}, "SENDFLOW_BIND", "SENDFLOW_AUTH=user:password"),
        ({"SENDFLOW_AUTH": "short"}, "SENDFLOW_AUTH", "eight characters"),
        ({"SENDFLOW_BIND": "0.0.0.0", "SENDFLOW_AUTH": "dco:tiny"}, "SENDFLOW_AUTH", "eight characters"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_an_example(
    given: dict[str, str], named: str, example: str
) -> None:
    """One line says which, what was expected and how it would look."""
    with pytest.raises(SettingsError) as caught:
        Settings.read(given)
    assert named in str(caught.value)
    assert example in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    """Nobody has to start sendflow once for each of them."""
    with pytest.raises(SettingsError) as caught:
        Settings.read({"SENDFLOW_PORT": "0", "SENDFLOW_TODAY": "soon", "SENDFLOW_API_URL": "nowhere"})
    assert all(name in str(caught.value) for name in ("SENDFLOW_PORT=0", "SENDFLOW_TODAY=soon", "SENDFLOW_API_URL"))
    with pytest.raises(SettingsError) as caught:
        Settings.read({"SENDFLOW_BIND": "0.0.0.0", "SENDFLOW_SMTP_LOGIN": "one:word"})
    assert "SENDFLOW_BIND" in str(caught.value) and "SENDFLOW_SMTP_TLS=required" in str(caught.value)


def test_a_password_is_never_quoted() -> None:
    """An unusable login is refused without repeating it."""
    with pytest.raises(SettingsError) as caught:
        Settings.read({"SENDFLOW_AUTH": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_simulation_with_the_local_smtp_server_is_allowed() -> None:
    """The day can be set if letters stay on this machine."""
    assert Settings.read({"SENDFLOW_TODAY": "2026-04-14"}).today == date(2026, 4, 14)


def test_pages_may_leave_loopback_with_a_login_only() -> None:
    """There is no default password; one that is given reaches server and clients alike."""
    settings = Settings.read({"SENDFLOW_BIND": "0.0.0.0", "SENDFLOW_AUTH": "dco:long-enough"})
    seen = prefect_environment(settings)
    assert seen["PREFECT_SERVER_API_AUTH_STRING"] == seen["PREFECT_API_AUTH_STRING"] == "dco:long-enough"


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """If a file has the folder's name, also for root, the folder is named and an example given."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match=r"SENDFLOW_HOME=.*cannot be written .*SENDFLOW_HOME=\./var"):
        Settings.read({"SENDFLOW_HOME": str(tmp_path / "file" / "var")}).prepare_home()


def test_preparing_leaves_nothing_behind(tmp_path: Path) -> None:
    """The proof that a folder can be written is cleared away."""
    settings = Settings.read({"SENDFLOW_HOME": str(tmp_path / "a" / "b")})
    settings.prepare_home()
    assert list(settings.home.iterdir()) == []


def test_prefect_stays_in_the_home_folder_and_is_quiet(tmp_path: Path) -> None:
    """Its folder, database and profiles are the installation's; the three ways of calling home are closed."""
    seen = prefect_environment(Settings.read({"SENDFLOW_HOME": str(tmp_path), "SENDFLOW_PORT": "4555"}))
    assert seen["PREFECT_API_URL"] == "http://127.0.0.1:4555/api"
    assert all(
        str(tmp_path) in seen[name]
        for name in ("PREFECT_HOME", "PREFECT_PROFILES_PATH", "PREFECT_API_DATABASE_CONNECTION_URL")
    )
    off = (
        "PREFECT_SERVER_ANALYTICS_ENABLED",
        "PREFECT_SERVER_UI_V2_ENABLED",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT",
    )
    assert [seen[name] for name in off] == ["false"] * 3
    assert seen["DO_NOT_TRACK"] == "1"
    assert seen["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] == "false"


def test_a_client_of_prefect_reads_many_authorities_only_where_it_uses_tls(tmp_path: Path) -> None:
    """It reads them for each client, also where the server is asked without TLS."""
    settings = Settings.read({"SENDFLOW_HOME": str(tmp_path)})
    file = prefect_environment(settings)["PREFECT_API_SSL_CERT_FILE"]
    assert len(ssl.create_default_context(cafile=file).get_ca_certs()) == 1
    assert "PREFECT_API_SSL_CERT_FILE" not in prefect_environment(settings, "https://runs.icb.example/api")
    own = replace(settings, tls_ca=tmp_path / "ca.pem")
    assert prefect_environment(own, "https://runs.icb.example/api")["PREFECT_API_SSL_CERT_FILE"] == str(own.tls_ca)


def test_prefect_clears_its_own_runs_and_events_away_after_a_quarter(tmp_path: Path) -> None:
    """Its database would grow for ever; the records, which are ours, are never trimmed."""
    seen = prefect_environment(Settings.read({"SENDFLOW_HOME": str(tmp_path)}))
    assert set(seen["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"].split(",")) == {"events", "flow_runs"}
    assert int(seen["PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"]) == 90 * 24 * 3600


@pytest.mark.parametrize(
    ("query", "left", "tls"),
    [
        ("", "", {}),
        ("?sslmode=require", "?ssl=require", {}),
        (
            "?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "",
            {"ENABLED": "true", "CHECK_HOSTNAME": "true", "CA_FILE": "/etc/ca.pem"},
        ),
        ("?sslmode=verify-full&sslrootcert=system", "", {"ENABLED": "true", "CHECK_HOSTNAME": "true"}),
        (
            "?sslmode=verify-ca&sslcert=/c&sslkey=/k&timeout=5",
            "?timeout=5",
            {"ENABLED": "true", "CHECK_HOSTNAME": "false", "CERT_FILE": "/c", "KEY_FILE": "/k"},
        ),
    ],
)
def test_tls_to_prefect_s_database_is_asked_for_in_the_words_of_the_records(
    tmp_path: Path, query: str, left: str, tls: dict[str, str]
) -> None:
    """Its driver stops at `sslmode`, so that an address copied from the other one stopped the server from starting."""
    place = "postgresql://prefect:words@db.icb.example/prefect"
    given = {
        "SENDFLOW_HOME": str(tmp_path),
        "SENDFLOW_PREFECT_DATABASE_URL": place + query,
        "SENDFLOW_DATABASE_UNVERIFIED": "allowed",
    }
    seen = prefect_environment(Settings.read(given))
    assert seen["PREFECT_API_DATABASE_CONNECTION_URL"] == place.replace("postgresql:", "postgresql+asyncpg:") + left
    start = "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_TLS_"
    assert {name.removeprefix(start): value for name, value in seen.items() if name.startswith(start)} == tls


def test_the_pages_are_served_locally_and_ask_the_server_that_they_came_from(tmp_path: Path) -> None:
    """The program's folder need not be writable, and a proxy may show the pages under another name."""
    seen = prefect_environment(Settings.read({"SENDFLOW_HOME": str(tmp_path)}))
    assert Path(seen["PREFECT_SERVER_UI_STATIC_DIRECTORY"]).is_relative_to(tmp_path)
    assert seen["PREFECT_UI_API_URL"] == "/api"


def test_no_address_but_loopback_is_ever_named(tmp_path: Path) -> None:
    """The settings for Prefect name no other host."""
    hosts = [
        re.findall(r"https?://([^:/]+)", value)
        for value in prefect_environment(Settings.read({"SENDFLOW_HOME": str(tmp_path)})).values()
    ]
    assert {host for found in hosts for host in found} == {"127.0.0.1", "localhost"}


def test_prefect_settings_of_the_user_do_not_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles and variables of the user's own go, in this process and in every child."""
    before = dict(os.environ)
    monkeypatch.setenv("PREFECT_PROFILE", "cloud")
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_secret")
    settings = Settings.read({"SENDFLOW_HOME": str(tmp_path)})
    child = child_environment(settings)
    assert "PREFECT_PROFILE" not in child
    assert "PREFECT_API_KEY" not in child
    assert child["SENDFLOW_HOME"] == str(tmp_path)
    try:
        fix_prefect_environment(settings, "http://127.0.0.1:9/api")
        assert "PREFECT_API_KEY" not in os.environ
        assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:9/api"
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_no_logger_of_prefects_speaks_beside_a_command(tmp_path: Path) -> None:
    """Its workers log under bare names: a person who records a fact is not to read "EventsWorker - Still processing
    items".
    """
    script = (
        "from config.process_environment import fix_caller_environment\nfrom config.settings import Settings\n"
        "fix_caller_environment(Settings.read(), 'http://127.0.0.1:9/api')\nimport logging, prefect\n"
        "from prefect.logging.configuration import setup_logging\nsetup_logging()\n"
        "for name in ('EventsWorker', 'prefect.events', 'prefect._internal'):"
        " logging.getLogger(name).warning('1 items remaining')\n"
    )
    environ = child_environment(Settings.read({"SENDFLOW_HOME": str(tmp_path)}))
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_prefect_knows_every_setting_that_is_fixed(tmp_path: Path) -> None:
    """A renamed setting would be ignored without a word: Prefect itself is asked, in a process of its own, what it
    took.
    """
    settings = Settings.read({"SENDFLOW_HOME": str(tmp_path)})
    script = (
        "from prefect.settings import get_current_settings as now; s = now(); print(s.home, s.server.analytics_enabled,"
        " s.server.ui.v2_enabled, s.server.ui.show_promotional_content, s.server.ephemeral.enabled, s.api.url,"
        " s.client.max_retries, s.runner.poll_frequency, s.flows.heartbeat_frequency)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script],
        env=child_environment(settings),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert said.stdout.split() == [
        str(tmp_path / "prefect"),
        "False",
        "False",
        "False",
        "False",
        "http://127.0.0.1:4200/api",
        "2",
        "2",
        "30",
    ]


NOTIFY = {
    "SENDFLOW_NOTIFY_KEY": "live-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0",
    "SENDFLOW_NOTIFY_TEMPLATE": "f33517ff-2a88-4f6e-b855-c550268ce08a",
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SENDFLOW_NOTIFY_KEY": "26785a09-secret"}, "SENDFLOW_NOTIFY_KEY"),
        ({"SENDFLOW_NOTIFY_TEMPLATE": "the template"}, "SENDFLOW_NOTIFY_TEMPLATE"),
        ({"SENDFLOW_NOTIFY_REPLY_TO": "a@b.example"}, "SENDFLOW_NOTIFY_REPLY_TO"),
        ({"SENDFLOW_NOTIFY_URL": "http://notify.example"}, "SENDFLOW_NOTIFY_URL"),
        ({"SENDFLOW_NOTIFY_CALLBACK_TOKEN": "secret-short"}, "SENDFLOW_NOTIFY_CALLBACK_TOKEN"),
    ],
)
def test_a_setting_of_notify_that_cannot_be_used_is_named_and_not_repeated(change: dict[str, str], named: str) -> None:
    read = Settings.read({**NOTIFY, "SENDFLOW_CARRIER": "notify"})
    assert read.notify is not None
    assert read.notify.key not in repr(read) + repr(read.notify)
    with pytest.raises(SettingsError, match=named) as refused:
        Settings.read({**NOTIFY, **change})
    assert "secret" not in str(refused.value)


def test_notify_needs_its_key_and_template() -> None:
    with pytest.raises(SettingsError, match="SENDFLOW_NOTIFY_KEY and SENDFLOW_NOTIFY_TEMPLATE"):
        Settings.read({"SENDFLOW_CARRIER": "notify"})
