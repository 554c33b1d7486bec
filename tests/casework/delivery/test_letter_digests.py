"""What was sent is known by its digests: a forged row is not shown as sent, and an edited file is found."""

from __future__ import annotations

from casework.delivery.deliver import deliver
from casework.reports import letters
from models.database import reading, writing
from notifications.transport import FileTransport
from tests.support.team import Team

TODAY = "2 Mar 2026"


def test_a_forged_letter_is_shown_with_a_warning_and_an_edited_file_is_found(team: Team) -> None:
    team.opened("2 Feb 2026").asked(TODAY)
    context = team.context(TODAY)
    deliver(context, transport=FileTransport(context.settings.letters))
    with reading(context.engine) as connection:
        query = "SELECT id, content_digest, message_digest FROM letter"
        id_, content, message = connection.exec_driver_sql(query).one()
    assert content and message and team.verify(TODAY).intact
    assert letters.shown(context, id_).warning is None
    file = context.settings.letters / f"{id_}.eml"
    sent = file.read_bytes()
    file.write_bytes(sent.replace(b"Subject: ", b"Subject: No "))
    report = team.verify(TODAY)
    assert [(each.what, each.message) for each in report.damage] == [
        ("letter", f"the file {file.name} is not the letter {id_} as it was sent")
    ]
    file.write_bytes(sent)
    with writing(context.engine) as connection:
        connection.exec_driver_sql("UPDATE letter SET fields = replace(fields, '2026-04-13', '2026-05-13')")
    shown = letters.shown(context, id_)
    assert shown.warning is not None and "13 May 2026" in shown.text
    assert "letter" in {each.what for each in team.verify(TODAY).damage}


def test_the_local_mail_server_stores_the_bytes_that_were_sent(team: Team) -> None:
    team.opened("2 Feb 2026").asked(TODAY)
    context = team.context(TODAY)
    deliver(context)
    [file] = context.settings.letters.glob("*.eml")
    assert team.verify(TODAY).intact
    file.write_bytes(file.read_bytes().replace(b"Subject: ", b"Subject: No "))
    assert [each.what for each in team.verify(TODAY).damage] == ["letter"]
