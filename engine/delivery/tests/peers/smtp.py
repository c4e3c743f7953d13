"""A mail server on a free port of loopback. Prints its port, then every mail that it took, as lines of JSON.

smtp.py [--cert FILE --key FILE [--implicit]] [--login USER:PASSWORD] [--fail 451|550|hang|drop] [--no-utf8]

A recipient whose name is a number is refused with it as the code, as `450@example.com`.
"""

import argparse
import asyncio
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def say(line):
    print(json.dumps(line), flush=True)


class Handler:
    def __init__(self, fail):
        self.fail = fail

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.partition("@")[0]
        if name.isdigit():
            return f"{name} not for you"
        envelope.rcpt_tos.append(address)
        return "250 taken"

    async def handle_DATA(self, server, session, envelope):
        if self.fail == "hang":
            await asyncio.Event().wait()
        if self.fail == "drop":
            server.transport.abort()
            return "421 gone"
        if self.fail:
            return f"{self.fail} not today"
        say({
            "hello": session.host_name,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "protected": session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            "login": session.authenticated,
            "content": envelope.content.decode(),
        })
        return "250 taken"


async def main():
    options = argparse.ArgumentParser()
    for name in ["--cert", "--key", "--login", "--fail"]:
        options.add_argument(name)
    options.add_argument("--implicit", action="store_true")
    options.add_argument("--no-utf8", action="store_true")
    options = options.parse_args()

    tls = None
    if options.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.cert, options.key)

    def login(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and f"{data.login.decode()}:{data.password.decode()}" == options.login
        return AuthResult(success=good, handled=False)

    def serve():
        settings = {"hostname": "localhost", "enable_SMTPUTF8": not options.no_utf8}
        if options.login:
            settings |= {"authenticator": login, "auth_required": True, "auth_require_tls": not options.implicit}
        if tls and not options.implicit:
            settings |= {"tls_context": tls, "require_starttls": True}
        return SMTP(Handler(options.fail), **settings)

    server = await asyncio.get_running_loop().create_server(
        serve, "127.0.0.1", 0, ssl=tls if options.implicit else None
    )
    say({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


asyncio.run(main())
