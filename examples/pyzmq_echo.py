#!/usr/bin/env python3
"""pyzmq on netzmq: the binding stays as it is, and finds netzmq's libzmq.so.5 by the loader's path.

    cargo xtask install --prefix target/prefix

    # a pyzmq that is linked against the system's libzmq: a distribution's package (Debian: python3-zmq), or
    PKG_CONFIG_PATH=$PWD/target/prefix/lib/pkgconfig pip install --no-binary pyzmq pyzmq

    LD_LIBRARY_PATH=$PWD/target/prefix/lib python3 examples/pyzmq_echo.py

pyzmq's ready-made wheels carry a libzmq of their own, under a name of their own; the loader's path does not reach that.
"""

import asyncio
import sys
import threading

import zmq
import zmq.asyncio


def loaded():
    """The libzmq that this process has mapped."""
    with open("/proc/self/maps") as maps:
        return {line.split()[-1] for line in maps if "libzmq" in line}


def echo(context, endpoint):
    """Answers until the context ends."""
    with context.socket(zmq.REP) as socket:
        socket.linger = 0
        socket.connect(endpoint)
        try:
            while True:
                socket.send_multipart(socket.recv_multipart(copy=False), copy=False)
        except zmq.ContextTerminated:
            pass


def main():
    context = zmq.Context()
    client = context.socket(zmq.REQ)
    client.bind("tcp://127.0.0.1:*")
    server = threading.Thread(target=echo, args=(context, client.last_endpoint.decode()))
    server.start()

    client.send_multipart([b"hello", b"x" * 100_000])
    if not client.poll(5000):
        sys.exit("no answer within five seconds")
    assert client.recv_multipart() == [b"hello", b"x" * 100_000]

    # What a sender's handshake told, and CURVE, are there as well.
    client.send(b"who are you?")
    frame = client.recv(copy=False)
    assert frame.get("Socket-Type") == "REP", frame.get("Socket-Type")
    assert zmq.has("curve") and len(zmq.curve_keypair()[0]) == 40

    async def awaited():
        """The same socket, awaited: through ZMQ_FD, as event loops do it."""
        socket = zmq.asyncio.Socket(shadow=client.underlying)
        await socket.send_string("from a task")
        return await asyncio.wait_for(socket.recv_string(), 5)

    assert asyncio.run(awaited()) == "from a task"
    client.close(linger=0)
    context.term()
    server.join()
    print(f"pyzmq {zmq.__version__} on libzmq {zmq.zmq_version()}: {', '.join(sorted(loaded()))}")


if __name__ == "__main__":
    main()
