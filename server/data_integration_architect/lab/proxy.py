"""A relay in front of one server, so that its connections can be cut: `python proxy.py LISTEN_PORT SERVER_PORT`.

SIGUSR1 drops every connection and refuses new ones, SIGUSR2 lets them through again.
"""

from __future__ import annotations

import asyncio
import signal
import sys

CHUNK_BYTES = 65_536


class Relay:
    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.is_cut = False
        self.writers: set[asyncio.StreamWriter] = set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, server_writer}
        try:
            await asyncio.gather(self.copy(reader, server_writer), self.copy(server_reader, writer))
        finally:
            self.writers -= {writer, server_writer}

    async def copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                writer.write(data)
                await writer.drain()
        except OSError:
            writer.transport.abort()
        finally:
            if not writer.transport.is_closing():
                writer.close()

    def cut(self) -> None:
        self.is_cut = True
        for writer in list(self.writers):
            writer.transport.abort()

    def mend(self) -> None:
        self.is_cut = False


async def serve(listen_port: int, server_port: int) -> None:
    relay = Relay(server_port)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, relay.cut)
    loop.add_signal_handler(signal.SIGUSR2, relay.mend)
    server = await asyncio.start_server(relay.connect, "127.0.0.1", listen_port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
