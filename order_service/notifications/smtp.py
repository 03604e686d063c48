"""Messages by e-mail, over SMTP."""

from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib
import structlog
from msgspec import Struct

from order_service.notifications.port import Message
from order_service.relay.handler import GiveUp, TryLater

log = structlog.get_logger()

PERMANENT_FROM = 500


class SmtpServer(Struct, frozen=True):
    """Where e-mails are handed in, and from whom they are."""

    host: str
    port: int
    sender: str
    username: str = ""
    password: str = ""
    tls: bool = False
    """TLS from the first byte; without, STARTTLS is used where the server has it."""
    timeout_s: float = 10.0


class Smtp:
    """A channel to people with an e-mail address."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def deliver(self, message: Message) -> None:
        """See `Channel`. Without an address nothing is sent."""
        if not message.recipient.email:
            log.info("no e-mail address to write to", order_id=message.order_id)
            return
        server = self._server
        try:
            await aiosmtplib.send(
                _mail(message, server.sender),
                hostname=server.host,
                port=server.port,
                username=server.username or None,
                password=server.password or None,
                use_tls=server.tls,
                timeout=server.timeout_s,
            )
        except aiosmtplib.SMTPException as error:
            raise _meaning(error) from None
        except ValueError:
            # The e-mail's own checks, and those of the client, against what is no address.
            raise GiveUp("the e-mail address is none") from None
        except OSError as error:
            raise TryLater(f"the mail server: {type(error).__name__}") from None


def _mail(message: Message, sender: str) -> EmailMessage:
    """The e-mail. Raises ValueError for an address that is none."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["Subject"] = message.subject
    mail["Date"] = formatdate(message.at_ms / 1_000)
    # The same each time it is sent: a mailbox that has it already can tell.
    mail["Message-ID"] = f"<{message.message_id}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["To"] = message.recipient.email
    mail.set_content(message.text)
    return mail


def _meaning(error: aiosmtplib.SMTPException) -> TryLater | GiveUp:
    """Judges an error. Its text may hold the address, and is not passed on."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
        if min(codes) >= PERMANENT_FROM:
            return GiveUp(f"the mail server refused the recipient with {codes[0]}")
        return TryLater(f"the mail server refused the recipient with {codes[0]}")
    if isinstance(error, aiosmtplib.SMTPDataError) and error.code >= PERMANENT_FROM:
        return GiveUp(f"the mail server refused the message with {error.code}")
    # What is wrong with the server, or with how it is set, is not the message's fault.
    code = f" {error.code}" if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    return TryLater(f"the mail server: {type(error).__name__}{code}")
