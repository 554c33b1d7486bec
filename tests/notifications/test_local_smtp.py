"""The local SMTP server writes every delivery, byte for byte, and never overwrites one."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest

from notifications.local_smtp import HOST, LocalSmtpError, LocalSmtpServer

LOGIN = "sendflow:osprey-over-water"
LETTER = (
    b"From: a@icb.example\r\nTo: b@trust.example\r\nMessage-ID: <one@sendflow>\r\nSubject: NX00042\r\n\r\nAdvice is due"
    b" on 13 April 2026.\r\n"
)


def send(port: int, raw: bytes) -> None:
    """Sends one letter as any program would."""
    with smtplib.SMTP(HOST, port, timeout=10) as smtp:
        smtp.login(*LOGIN.split(":"))
        smtp.sendmail("a@icb.example", ["b@trust.example"], raw)


def test_each_delivery_is_a_file(tmp_path: Path) -> None:
    """Two deliveries of one message lie side by side, under the same mark."""
    with LocalSmtpServer(tmp_path / "letters", LOGIN) as sink:
        send(sink.port, LETTER)
        send(sink.port, LETTER)
    kept = sorted((tmp_path / "letters").iterdir())
    assert [path.suffix for path in kept] == [".eml", ".eml"]
    assert {path.read_bytes() for path in kept} == {LETTER}
    assert len({path.stem[7:] for path in kept}) == 1


def test_a_second_sink_on_the_same_folder_goes_on_counting(tmp_path: Path) -> None:
    """Also where both are open at once."""
    with LocalSmtpServer(tmp_path, LOGIN) as first, LocalSmtpServer(tmp_path, LOGIN) as second:
        send(first.port, LETTER)
        send(second.port, LETTER)
    with LocalSmtpServer(tmp_path, LOGIN) as third:
        send(third.port, LETTER.replace(b"one@", b"two@"))
    assert [path.name[:6] for path in sorted(tmp_path.iterdir())] == ["000001", "000002", "000003"]


def test_a_letter_without_an_id_is_written_too(tmp_path: Path) -> None:
    """Nothing that arrives is dropped."""
    with LocalSmtpServer(tmp_path, LOGIN) as sink:
        send(sink.port, b"To: b@trust.example\r\n\r\nhello\r\n")
    assert len(list(tmp_path.glob("*.eml"))) == 1


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    """The folder and the reason are named."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(LocalSmtpError, match="cannot write letters to"),
        LocalSmtpServer(tmp_path / "file" / "letters", LOGIN),
    ):
        pass


def test_a_disk_that_fills_defers_the_letter(tmp_path: Path) -> None:
    """The sender gets "try again later", so that the letter is not lost."""
    folder = tmp_path / "letters"
    with LocalSmtpServer(folder, LOGIN) as sink:
        folder.rmdir()
        with pytest.raises(smtplib.SMTPDataError) as caught:
            send(sink.port, LETTER)
    assert caught.value.smtp_code == 451


def test_a_letter_from_somebody_else_is_refused(tmp_path: Path) -> None:
    """Any account of the machine reaches loopback: a forged digest must not lie among the letters."""
    with LocalSmtpServer(tmp_path, LOGIN) as server:
        with smtplib.SMTP(HOST, server.port, timeout=10) as smtp:
            with pytest.raises(smtplib.SMTPSenderRefused) as refused:
                smtp.sendmail("a@icb.example", ["b@trust.example"], LETTER)
            assert refused.value.smtp_code == 530
        for wrong in (("sendflow", "osprey"), ("mallory", "osprey-over-water")):
            with smtplib.SMTP(HOST, server.port, timeout=10) as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
                smtp.login(*wrong)
    assert list(tmp_path.iterdir()) == []
