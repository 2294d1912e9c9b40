"""A real SMTP server for the tests: aiosmtpd, told by recipients what to do.

Prints its port, then one JSON line for each mail it has taken, as Python's own parser reads it.
Arguments: certificate, key, and how TLS is offered: starttls, implicit or none.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "nobody":
            return "550 5.1.1 no such user here"
        if name == "later":
            return "450 4.2.0 greylisted, come back"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        names = [address.split("@")[0] for address in envelope.rcpt_tos]
        if "full" in names:
            return "452 4.3.1 no room"
        if "spam" in names:
            return "554 5.7.1 looks like spam"
        if "hang" in names:
            await asyncio.sleep(3600)
        if "drop" in names:
            server.transport.abort()
            return "250 OK"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {
            "envelope": [envelope.mail_from] + envelope.rcpt_tos,
            "headers": {key: str(value) for key, value in mail.items()},
            "tls": server.transport.get_extra_info("sslcontext") is not None,
            "user": session.authenticated and session.auth_data,
            "text": mail.get_body(("plain",)).get_content(),
            "html": mail.get_body(("html",)).get_content(),
            "defects": [str(defect) for part in mail.walk() for defect in part.defects],
            "longest_line": max(len(line) for line in envelope.content.split(b"\r\n")),
        }
        print(json.dumps(told), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    is_right = data.login == b"alerts" and data.password == b"secret-MAIL"
    if not is_right:
        return AuthResult(success=False, handled=False)
    return AuthResult(success=True, auth_data=data.login.decode())


async def main():
    certificate, key, tls = sys.argv[1:4]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    settings = {"enable_SMTPUTF8": True, "authenticator": authenticate, "auth_require_tls": False}
    if tls == "starttls":
        settings.update(tls_context=context, require_starttls=True, auth_require_tls=True)
    server = await loop.create_server(
        lambda: SMTP(Handler(), loop=loop, **settings),
        "127.0.0.1", 0, ssl=context if tls == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
