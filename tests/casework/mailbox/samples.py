"""Mails as they come in, written by hand after the forms that mail systems use. Every name and address is invented."""

from __future__ import annotations

from email.message import EmailMessage

LETTER = "20260302-0123456789"
MESSAGE_ID = f"<{LETTER}.sendflow@icb.example>"
SENDER = "slt@trust.example"
# The test string of anti-virus programs, in two parts, so that no scanner finds it in this file.
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def reply(text: str, sender: str = SENDER, answers: str | None = MESSAGE_ID, **headers: str) -> bytes:
    """A reply of one text part."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = "dco@icb.example"
    mail["Subject"] = headers.pop("Subject", "RE: NX00042: please send health advice")
    mail["Message-ID"] = headers.pop("Message_ID", "<reply-1@trust.example>")
    if answers:
        mail["In-Reply-To"] = answers
        mail["References"] = answers
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def status_notification(status: str, action: str = "failed", diagnostic: str = "", returned: bool = True) -> bytes:
    """A delivery status notification as RFC 3464 has it, from Postfix, with our letter's headers."""
    letter = f"Message-ID: {MESSAGE_ID}\nSubject: NX00042: please send health advice\n\nPlease send it.\n"
    last = f"--b\nContent-Type: message/rfc822\n\n{letter}" if returned else ""
    return (
        "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.trust.example>\nTo: dco@icb.example\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nThis is the mail system at host mx.trust.example.\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.trust.example\n\n"
        f"Final-Recipient: rfc822; {SENDER}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {diagnostic or status}\n\n{last}\n--b--\n"
    ).encode()


EXCHANGE = f"""From: postmaster@trust.example
To: dco@icb.example
Subject: Undeliverable: NX00042: please send health advice
In-Reply-To: {MESSAGE_ID}
X-MS-Exchange-Message-Is-Ndr:
Auto-Submitted: auto-replied
Content-Type: text/plain

Your message did not reach some or all of the intended recipients.

The following recipient(s) could not be reached:

      {SENDER} on 02/03/2026 08:01
            The e-mail account does not exist at the organization this message was sent to.
            <mx.trust.example #5.1.1 smtp;550 5.1.1 RESOLVER.ADR.RecipNotFound; not found>
""".encode()
QMAIL = f"""Return-Path: <>
From: MAILER-DAEMON@mx.trust.example
To: dco@icb.example
Subject: failure notice

Hi. This is the qmail-send program at mx.trust.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{SENDER}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <dco@icb.example>
Message-ID: {MESSAGE_ID}
Subject: NX00042: please send health advice

Please send it.
""".encode()
POSTFIX_TEXT = f"""Return-Path: <>
From: MAILER-DAEMON@mx.trust.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: dco@icb.example

This is the mail system at host mx.trust.example.

<{SENDER}>: host mail.trust.example[192.0.2.7] said: 552 5.2.2 The mailbox is
    over quota (in reply to RCPT TO command)

Message-ID: {MESSAGE_ID}
""".encode()
GMAIL = f"""Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: dco@icb.example
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
X-Failed-Recipients: {SENDER}
References: {MESSAGE_ID}
Content-Type: text/plain; charset="UTF-8"

** Address not found **

Your message wasn't delivered to {SENDER} because the address couldn't be found.

The response from the remote server was:
550 5.1.1 The email account that you tried to reach does not exist.
""".encode()
EXIM = f"""Return-Path: <>
From: Mail Delivery System <Mailer-Daemon@mx.trust.example>
To: dco@icb.example
X-Failed-Recipients: {SENDER}
Subject: Mail delivery failed: returning message to sender
Auto-Submitted: auto-replied

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {SENDER}
    Unrouteable address: host not found

------ This is a copy of the message, including all the headers. ------

Message-ID: {MESSAGE_ID}
""".encode()
DELAYED = f"""Return-Path: <>
From: MAILER-DAEMON@mx.trust.example
To: dco@icb.example
Subject: Warning: could not send message for past 4 hours
Auto-Submitted: auto-replied

    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

The original message was received at Mon, 2 Mar 2026 08:00:01 GMT
   ----- Transcript of session follows -----
<{SENDER}>... Deferred: Connection timed out
Warning: message still undelivered after 4 hours
Message-ID: {MESSAGE_ID}
""".encode()
