#!/usr/bin/env python3
"""An SSH server for tests that asks two questions by keyboard-interactive, twice in a row: paramiko_server.py PORT"""

import socket
import sys
import threading

import paramiko


class Server(paramiko.ServerInterface):
    def __init__(self):
        self.round = 0

    def get_allowed_auths(self, username):
        return "keyboard-interactive"

    def check_auth_interactive(self, username, submethods):
        return paramiko.InteractiveQuery("Two of two", "Say both", ("Name of the day: ", True), ("Digits: ", False))

    def check_auth_interactive_response(self, responses):
        self.round += 1
        if [str(answer) for answer in responses] != ["sunday", "123456"]:
            return paramiko.AUTH_FAILED
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        def answer():
            channel.sendall(b"ran " + command + b"\n")
            channel.send_exit_status(5)
            channel.close()
        threading.Thread(target=answer, daemon=True).start()
        return True


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    print("listening", file=sys.stderr, flush=True)
    connection, _ = listener.accept()
    transport = paramiko.Transport(connection)
    transport.add_server_key(paramiko.RSAKey.generate(2048))
    transport.start_server(server=Server())
    transport.join()


main()
