from email import message_from_bytes, policy

import pytest
from structlog.testing import capture_logs

from order_service.notifications.smtp import Smtp, SmtpServer
from order_service.relay.handler import GiveUp, TryLater
from tests.order_service.notifications.messages import EMAIL, message
from tests.order_service.notifications.outlets import MailServer, free_port

SENDER = "Shop <shop@example.com>"


def smtp(port: int) -> Smtp:
    return Smtp(SmtpServer("127.0.0.1", port, SENDER, timeout_s=2))


async def test_a_message_arrives_as_a_mail(mail_server: MailServer) -> None:
    await smtp(mail_server.port).deliver(message())
    (envelope,) = mail_server.mails
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert envelope.rcpt_tos == [EMAIL]
    assert mail["From"] == SENDER
    assert mail["To"] == EMAIL
    assert mail["Subject"] == "订单 4330000000000000000 已生效"
    assert mail["Date"] == "Wed, 18 May 2033 03:33:20 -0000"
    assert mail.get_content().replace("\r\n", "\n") == message().text


async def test_the_same_message_has_the_same_id_each_time(mail_server: MailServer) -> None:
    for _ in range(2):
        await smtp(mail_server.port).deliver(message())
    ids = [message_from_bytes(mail.content)["Message-ID"] for mail in mail_server.mails]
    assert ids == ["<TASK1@example.com>"] * 2


async def test_who_left_no_address_is_not_written_to() -> None:
    with capture_logs() as logs:
        await smtp(free_port()).deliver(message(email=""))
    assert logs[0]["order_id"] == "4330000000000000000"


@pytest.mark.parametrize(
    ("to_recipient", "to_data", "error", "reason"),
    [
        ("550 no li.na", "", GiveUp, "the mail server refused the recipient with 550"),
        ("450 busy li.na", "", TryLater, "the mail server refused the recipient with 450"),
        ("250 OK", "554 no li.na", GiveUp, "the mail server refused the message with 554"),
        ("250 OK", "451 li.na", TryLater, "the mail server: SMTPDataError 451"),
    ],
)
async def test_what_the_server_refuses_for_good_is_given_up(
    mail_server: MailServer,
    to_recipient: str,
    to_data: str,
    error: type[Exception],
    reason: str,
) -> None:
    mail_server.to_recipient, mail_server.to_data = to_recipient, to_data
    with pytest.raises(error, match=f"^{reason}$"):
        await smtp(mail_server.port).deliver(message())
    assert mail_server.mails == []


async def test_a_server_that_is_away_is_tried_again() -> None:
    with pytest.raises(TryLater) as raised:
        await smtp(free_port()).deliver(message())
    assert raised.value.reason == "the mail server: SMTPConnectError"


@pytest.mark.parametrize(
    "address", ["a@example.com\r\nBcc: b@example.com", "@", "a b", "<>", "a@b@c"]
)
async def test_an_address_that_is_none_reaches_no_server_as_one(
    mail_server: MailServer, address: str
) -> None:
    mail_server.to_recipient = "550 no"
    with pytest.raises(GiveUp) as raised:
        await smtp(mail_server.port).deliver(message(email=address))
    assert "example" not in raised.value.reason
    assert mail_server.mails == []
