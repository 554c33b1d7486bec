"""Who asks a database on another machine is sure of whom it asks, or somebody has said in so many words that it need
not be.
"""

from __future__ import annotations

import pytest

from config.settings import Settings, SettingsError

NAMES = ("SENDFLOW_DATABASE_URL", "SENDFLOW_DATABASE_OWNER_URL", "SENDFLOW_PREFECT_DATABASE_URL")
ELSEWHERE = [
    "db.icb.example/s",
    "db.icb.example:5432/s?sslmode=require",
    "db.icb.example/s?sslmode=verify-ca&sslrootcert=/etc/ca.pem",
    "db.icb.example/s?sslmode=verify-full&sslmode=disable",
    "192.0.2.7/s",
    "[2001:db8::7]:5432/s",
    "localhost.icb.example/s",
    "127.0.0.1/s?host=db.icb.example",
    "127.0.0.1/s?host=127.0.0.1:5432&host=db.icb.example:5432",
    "localhost/s?hostaddr=192.0.2.7",
    "127.0.0.1/s?service=icb",
    "/s?host=/run/postgresql,db.icb.example",
]
HERE = [
    "127.0.0.1/s",
    "127.0.0.8:5433/s?sslmode=disable",
    "localhost/s",
    "[::1]:5432/s",
    "/s",
    "/s?host=/run/postgresql",
    "/s?host=/run/a:5432&host=127.0.0.1:5433",
    "127.0.0.1/s?hostaddr=127.0.0.1",
]


def read(place: str, name: str = NAMES[0], **more: str) -> Settings:
    return Settings.read({name: f"postgresql://sendflow:osprey-31@{place}", **more})


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_database_elsewhere_whose_name_nobody_vouches_for_is_refused(place: str) -> None:
    """libpq's own default goes in the clear where the server, or somebody between, offers nothing else."""
    for name in NAMES:
        with pytest.raises(
            SettingsError, match=rf"^{name} names a database on another machine.*sslmode=verify-full&sslrootcert="
        ) as refused:
            read(place, name)
        assert "osprey" not in str(refused.value)
        assert place not in str(refused.value)
        read(place, name, SENDFLOW_DATABASE_UNVERIFIED="allowed")


@pytest.mark.parametrize("place", HERE)
def test_this_machine_is_free(place: str) -> None:
    for name in NAMES:
        read(place, name)


def test_verify_full_is_taken_and_the_way_out_is_no_yes_or_no() -> None:
    read("db.icb.example:5432/s?sslmode=verify-full&sslrootcert=/etc/ca.pem")
    with pytest.raises(SettingsError, match="SENDFLOW_DATABASE_UNVERIFIED=refused"):
        read("db.icb.example/s", SENDFLOW_DATABASE_UNVERIFIED="yes")
    with pytest.raises(SettingsError, match="another machine"):
        read("db.icb.example/s", SENDFLOW_DATABASE_UNVERIFIED="refused")


@pytest.mark.parametrize("more", [{"PGHOST": "db.icb.example"}, {"PGHOSTADDR": "192.0.2.7"}, {"PGSERVICE": "icb"}])
def test_what_an_address_leaves_out_the_driver_takes_from_the_environment(more: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="another machine"):
        read("/s", **more)
    read("/s", PGHOST="/run/postgresql")


@pytest.mark.parametrize(
    "place",
    [
        "127.0.0.1:fifty/s",
        "127.0.0.1:70000/s",
        "127.0.0.1:0/s",
        "127.0.0.1:-5/s",
        "[::1/s",
        "127.0.0.1:99999999999999999999/s",
        "/s?port=fifty",
        "/s?host=127.0.0.1:fifty",
        "/s?host=127.0.0.1:1&host=localhost:x",
        "/s?port=0",
        "127.0.0.1/s?port=70000",
    ],
)
def test_a_port_that_is_none_is_named_with_an_example(place: str) -> None:
    """It was a ValueError without a word of which setting."""
    for name in NAMES:
        with pytest.raises(SettingsError, match=rf"^{name} .*@host:5432/database") as refused:
            read(place, name)
        assert "osprey" not in str(refused.value)
        assert "\n" not in str(refused.value)
