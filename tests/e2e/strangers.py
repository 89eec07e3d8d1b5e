"""Strangers at the appliance's port: `strangers.py ADDRESS PORT SOURCES COUNT`, COUNT connections of each kind, each
made anew when it ends, until SIGTERM; once a second a line of JSON with what became of them. A program of its own, so
that it can run in a namespace."""

import asyncio
import collections
import json
import os
import random
import resource
import ssl
import sys
import time

counts = collections.Counter()
held = collections.Counter()
longest = collections.Counter()


def client_hello():
    """The first bytes of a real handshake."""
    outgoing = ssl.MemoryBIO()
    context = ssl._create_unverified_context()
    engine = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="appliance")
    try:
        engine.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


HELLO = client_hello()


async def until_closed(reader):
    while await reader.read(65536):
        pass


async def drip(reader, writer, data):
    closed = asyncio.ensure_future(until_closed(reader))
    for byte in data:
        writer.write(bytes([byte]))
        done, _ = await asyncio.wait([closed], timeout=1)
        if done:
            break
    await closed


async def silent(reader, writer):
    await until_closed(reader)


async def rubbish(reader, writer):
    writer.write(os.urandom(random.randint(1, 4000)))
    await until_closed(reader)


async def slow_handshake(reader, writer):
    await drip(reader, writer, HELLO)


async def slow_request(reader, writer):
    await drip(reader, writer, b"GET /api/config/v1/jump-client HTTP/1.1\r\nHost: appliance\r\n" + b"A: b\r\n" * 1000)


async def half_hello(reader, writer):
    writer.write(HELLO[:len(HELLO) // 2])
    await until_closed(reader)


async def rubbish_inside(reader, writer):
    writer.write(os.urandom(3000))
    await until_closed(reader)


# Kind: what it does, and for those inside TLS the protocol that it names.
KINDS = {
    "silent": (silent, None),
    "rubbish": (rubbish, None),
    "half a hello": (half_hello, None),
    "a byte a second": (slow_handshake, None),
    "tls, silent tunnel": (silent, "jump/1"),
    "tls, silent console": (silent, "jump-console/1"),
    "tls, silent enrolment": (silent, "jump-enroll/1"),
    "tls, silent web": (silent, "http/1.1"),
    "tls, slow request": (slow_request, "http/1.1"),
    "tls, rubbish console": (rubbish_inside, "jump-console/1"),
}


async def stranger(kind, source, address, port):
    work, protocol = KINDS[kind]
    context = None
    if protocol:
        context = ssl._create_unverified_context()
        context.set_alpn_protocols([protocol])
    while True:
        await asyncio.sleep(random.random())
        started = time.monotonic()
        writer = None
        try:
            connecting = asyncio.open_connection(address, port, local_addr=(source, 0), ssl=context,
                                                 ssl_handshake_timeout=120 if context else None)
            reader, writer = await connecting
            held[kind] += 1
            try:
                await work(reader, writer)
            finally:
                held[kind] -= 1
        except OSError:
            pass
        finally:
            if writer:
                writer.transport.abort()
        counts[kind] += 1
        longest[kind] = max(longest[kind], time.monotonic() - started)


async def report():
    while True:
        await asyncio.sleep(1)
        print(json.dumps({kind: [held[kind], counts[kind], round(longest[kind], 1)] for kind in KINDS}), flush=True)


async def main():
    address, port, sources, count = sys.argv[1], int(sys.argv[2]), sys.argv[3].split(","), int(sys.argv[4])
    # Those that finish no handshake keep others of their address waiting: the two sorts come from different ones.
    half = len(sources) // 2
    tasks = [stranger(kind, random.choice(sources[:half] if KINDS[kind][1] else sources[half:]), address, port)
             for kind in KINDS for _ in range(count)]
    await asyncio.gather(report(), *tasks)


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main())
