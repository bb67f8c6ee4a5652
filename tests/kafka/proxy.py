#!/usr/bin/env python3
"""A network between klamm and its brokers that can be cut, held up and slowed: a TCP proxy.

  proxy.py PORT=TARGET …       listens on 127.0.0.1:PORT, and speaks to 127.0.0.1:TARGET for each who comes

    worker ---- PORT [proxy] TARGET ---- broker        the broker advertises PORT on that listener
    load, checker, other brokers ------- broker        and its own port on the other: they see no fault

A connection belongs to whoever its first request names (client.id), so a fault can be one worker's, or everybody's
(NAME is *). Orders come as lines, each is answered `done` when it is in force:

  pass NAME [at KEY]           as if nothing were; connections that have lost bytes end with a reset
  cut NAME [at KEY]            ends all connections, and new ones as soon as they have said who they are
  hold NAME [at KEY]           nothing gets through, in either direction, and nobody is told; after `pass` it comes
                               late, as TCP sends again what was not acknowledged, also when the sender has gone
  swallow NAME [at KEY]        the same, but what is sent meanwhile is gone
  mute NAME [at KEY]           requests get through, answers are gone
  slow NAME MS BYTES           MS on the way in each direction, BYTES a second for all connections of NAME together

`at KEY`: not now, but from the next request with that API key on (26: EndTxn), itself included; `met NAME KEY` is
written then. A request on its way to the broker is a whole frame, so nothing is ever torn in the middle.
"""
import asyncio
import queue
import struct
import subprocess
import sys
import threading
import time

END_TXN = "26"
CHUNK = 65536
WAITING_MOST = 64  # pieces of a connection on their way in one direction
THE_END = 0, b""


class Network:
    def __init__(self):
        self.mode, self.pending, self.speed, self.free_at = {}, {}, {}, {}
        self.links, self.changed = set(), asyncio.Event()

    def of(self, table, name):
        return table.get(name, table.get("*"))

    def is_in(self, mode, name):
        return self.of(self.mode, name) == mode

    def set(self, name, mode):
        if mode == "pass" and name == "*":
            self.mode.clear(), self.pending.clear(), self.speed.clear()
        self.mode[name] = mode
        if mode == "pass":
            self.pending.pop(name, None), self.speed.pop(name, None)
        for link in list(self.links):
            if name in ("*", link.name) and (mode == "cut" or (mode == "pass" and link.has_lost)):
                link.reset()
        self.changed.set()
        self.changed = asyncio.Event()

    def order(self, what, name, *more):
        if what == "slow":
            self.speed[name] = int(more[0]) / 1000, int(more[1])
        elif more:
            self.pending[name] = more[1], what
        else:
            self.set(name, what)

    def meet(self, name, key):
        """A request is about to be sent on."""
        for who in (name, "*"):
            if self.pending.get(who, ("",))[0] == key:
                self.set(who, self.pending.pop(who)[1])
                print("met", name, key, flush=True)

    def due(self, name, direction, n):
        """When n bytes that are sent now arrive."""
        now = time.monotonic()
        if self.of(self.speed, name) is None:
            return now
        latency, rate = self.of(self.speed, name)
        begin = max(now, self.free_at.get((name, direction), 0))
        self.free_at[name, direction] = begin + n / rate
        return begin + n / rate + latency


async def read_request(reader):
    """(API key, client.id, the whole frame)."""
    size = await reader.readexactly(4)
    frame = await reader.readexactly(struct.unpack(">i", size)[0])
    key, _, _, n = struct.unpack(">hhih", frame[:10])
    return str(key), frame[10:10 + max(n, 0)].decode(), size + frame


class Link:
    def __init__(self, network, client, target):
        self.network, self.client, self.target = network, client, target
        self.name, self.broker, self.has_lost, self.tasks = None, None, False, []

    def reset(self):
        for _, writer in filter(None, (self.client, self.broker)):
            writer.transport.abort()
        for t in self.tasks:
            t.cancel()

    async def run(self):
        try:
            key, self.name, frame = await read_request(self.client[0])
            if not self.network.is_in("cut", self.name):
                self.network.links.add(self)
                self.broker = await asyncio.open_connection("127.0.0.1", self.target, limit=CHUNK)
                await self.carry(key, frame)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.network.links.discard(self)
            self.reset()

    async def carry(self, key, frame):
        up, down = asyncio.Queue(WAITING_MOST), asyncio.Queue(WAITING_MOST)
        work = (self.send(up, self.broker[1], "up"), self.send(down, self.client[1], "down"),
                self.take_requests(up, key, frame), self.take_answers(down))
        self.tasks = [asyncio.ensure_future(w) for w in work]
        await asyncio.wait(self.tasks[:2], return_when=asyncio.FIRST_COMPLETED)
        for t in self.tasks:
            t.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def take_requests(self, up, key, frame):
        try:
            while True:
                self.network.meet(self.name, key)
                await up.put((self.network.due(self.name, "up", len(frame)), frame))
                key, _, frame = await read_request(self.client[0])
        except (OSError, asyncio.IncompleteReadError):
            await up.put(THE_END)

    async def take_answers(self, down):
        try:
            while data := await self.broker[0].read(CHUNK):
                await down.put((self.network.due(self.name, "down", len(data)), data))
        except OSError:
            pass
        await down.put(THE_END)

    async def send(self, pieces, writer, direction):
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(max(0, due - time.monotonic()))
            while self.network.is_in("hold", self.name):
                await self.network.changed.wait()
            if not data:
                return
            is_lost = self.network.is_in("swallow", self.name) or \
                (direction == "down" and self.network.is_in("mute", self.name))
            self.has_lost |= is_lost
            if not is_lost:
                writer.write(data)
                await writer.drain()


async def serve(routes):
    network, servers = Network(), []
    for port, target in routes:
        async def accept(reader, writer, target=target):
            await Link(network, (reader, writer), target).run()
        servers.append(await asyncio.start_server(accept, "127.0.0.1", port))
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("ready", flush=True)
    while line := await orders.readline():
        network.order(*line.decode().split())
        print("done", flush=True)


class Proxy:
    """The same as a child process, for tests: routes is a list of (port, target)."""

    def __init__(self, routes):
        command = [sys.executable, __file__, *(f"{port}={target}" for port, target in routes)]
        self.process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers, self.met, self.lock = queue.Queue(), queue.Queue(), threading.Lock()
        threading.Thread(target=self.listen, daemon=True).start()
        self.wait_done()

    def listen(self):
        for line in self.process.stdout:
            (self.met if line.startswith("met") else self.answers).put(line.strip())
        self.answers.put(None)

    def wait_done(self):
        if self.answers.get() is None:
            raise SystemExit("FAILED: the proxy has ended")

    def order(self, text):
        with self.lock:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
            self.wait_done()

    def end(self):
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    asyncio.run(serve([tuple(map(int, r.split("="))) for r in sys.argv[1:]]))
