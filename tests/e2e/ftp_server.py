# SPDX-License-Identifier: MIT
"""An FTP server on loopback for the tests (pyftpdlib), as a process that can be
killed: ROOT PORT LOG [KEY=VALUE ...]. It writes a line a command to LOG."""
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, ThrottledDTPHandler
from pyftpdlib.servers import FTPServer


def implicit_tls(handler, pem):
    """FTPS in its implicit form: TLS before the greeting."""
    from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler

    class Data(TLS_DTPHandler):
        def readable(self):
            """A handshake may come before the command; it is no hang-up."""
            return not self._ssl_established or super().readable()

    class Implicit(TLS_FTPHandler):
        certfile = pem
        dtp_handler = Data
        tls_data_required = True

        def handle(self):
            self.secure_connection(self.ssl_context)

        def handle_ssl_established(self):
            TLS_FTPHandler.handle(self)

        def ftp_AUTH(self, line):
            self.respond("550 not with implicit TLS")

    Implicit.pre_process_command = handler.pre_process_command
    Implicit.on_connect = handler.on_connect
    Implicit.ssl_context = Implicit.get_ssl_context()
    return Implicit


def main(root, port, log_path, *settings):
    options = dict(setting.split("=", 1) for setting in settings)
    log = open(log_path, "a", buffering=1)
    users = DummyAuthorizer()
    users.add_user("user", "s3cr3t", root, perm="elr")
    users.add_anonymous(root)

    class Data(ThrottledDTPHandler):
        write_limit = int(options.get("rate", 0))

    class Handler(FTPHandler):
        authorizer = users
        dtp_handler = Data
        banner = "ready"
        auth_failed_timeout = 0.1

        def on_connect(self):
            log.write("CONNECT\n")

        def pre_process_command(self, line, cmd, arg):
            log.write(line + "\n")
            if cmd in options.get("without", "").split(","):
                return self.respond("502 not here")
            if cmd == "RETR" and "busy" in options and \
                    not os.path.exists(options["busy"]):
                open(options["busy"], "w").close()
                return self.respond("450 busy")
            return FTPHandler.pre_process_command(self, line, cmd, arg)

    handler = Handler
    if "pem" in options:
        handler = implicit_tls(Handler, options["pem"])
        handler.authorizer, handler.banner = users, "ready"
    server = FTPServer(("127.0.0.1", int(port)), handler)
    server.max_cons_per_ip = int(options.get("most", 0))
    print("PORT", server.address[1], flush=True)
    server.serve_forever(timeout=0.5)


if __name__ == "__main__":
    main(*sys.argv[1:])
