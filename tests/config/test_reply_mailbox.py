"""The settings of the mailbox that is read: what is missing or wrong is named, and no secret is repeated."""

import pytest

from config.connection_urls import SettingsError
from config.reply_mailbox import read_reply_mailbox

HOST = {"SENDFLOW_IMAP_HOST": "outlook.office365.com"}
BY_PASSWORD = {**HOST, "SENDFLOW_IMAP_LOGIN": "send.dco@icb.example:four-plain-words"}
BY_TOKEN = {
    **HOST,
    "SENDFLOW_IMAP_LOGIN": "send.dco@icb.example",
    "SENDFLOW_IMAP_CLIENT": "app:secret-words",
    "SENDFLOW_IMAP_TOKEN_URL": "https://login.example/tenant/oauth2/v2.0/token",
}


def test_without_a_host_no_mail_is_read() -> None:
    assert read_reply_mailbox({"SENDFLOW_IMAP_LOGIN": "x:y"}) is None


def test_a_password_or_a_token_opens_the_mailbox() -> None:
    by_password, by_token = read_reply_mailbox(BY_PASSWORD), read_reply_mailbox(BY_TOKEN)
    assert by_password is not None and by_token is not None
    assert (by_password.user, by_password.password, by_password.port) == (
        "send.dco@icb.example",
        "four-plain-words",
        993,
    )
    assert (by_token.password, by_token.client, by_token.secret) == (None, "app", "secret-words")
    assert by_password.name == "send.dco@icb.example@outlook.office365.com/INBOX"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (HOST, "SENDFLOW_IMAP_LOGIN"),
        ({**BY_PASSWORD, "SENDFLOW_IMAP_LOGIN": "send.dco@icb.example"}, "SENDFLOW_IMAP_LOGIN"),
        ({**BY_TOKEN, "SENDFLOW_IMAP_LOGIN": "send.dco@icb.example:four-plain-words"}, "SENDFLOW_IMAP_LOGIN"),
        ({**BY_TOKEN, "SENDFLOW_IMAP_CLIENT": "secret-words"}, "SENDFLOW_IMAP_CLIENT"),
        ({**BY_TOKEN, "SENDFLOW_IMAP_TOKEN_URL": "http://login.example/token"}, "SENDFLOW_IMAP_TOKEN_URL"),
        ({**BY_PASSWORD, "SENDFLOW_IMAP_PORT": "99999"}, "SENDFLOW_IMAP_PORT"),
        ({**BY_PASSWORD, "SENDFLOW_IMAP_HOST": "a b"}, "SENDFLOW_IMAP_HOST"),
        ({**BY_PASSWORD, "SENDFLOW_IMAP_FOLDER": 'x" DELETE'}, "SENDFLOW_IMAP_FOLDER"),
        ({**BY_PASSWORD, "SENDFLOW_IMAP_TRUSTS": "a;b"}, "SENDFLOW_IMAP_TRUSTS"),
        ({**BY_PASSWORD, "SENDFLOW_TODAY": "2026-03-02"}, "SENDFLOW_TODAY"),
    ],
)
def test_what_is_wrong_is_named_with_an_example_and_no_secret(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as raised:
        read_reply_mailbox(given)
    assert "words" not in str(raised.value).replace(":words", "")
