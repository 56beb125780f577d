"""A TCP proxy whose wire can be cut: nothing gets through, nothing is closed, and nobody is told."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator


class Proxy(threading.Thread):
    """Carries connections from a port of its own to `target`.

    While cut() it reads nothing and accepts nobody. What was on its way then arrives after heal(), as TCP sends it
    again, unless the ends have given each other up.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(name="proxy", daemon=True)
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.bytes = 0
        self._open = threading.Event()
        self._open.set()
        self._still = threading.Event()
        self._ended = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.listener, selectors.EVENT_READ, None)

    def cut(self) -> None:
        """Stop carrying; when it returns nothing moves any more."""
        self._still.clear()
        self._open.clear()
        assert self._still.wait(10)

    def heal(self) -> None:
        self._open.set()

    def run(self) -> None:
        while not self._ended:
            if not self._open.is_set():
                self._still.set()
                self._open.wait()
            for key, _ in self._selector.select(0.05):
                if not self._open.is_set():
                    break
                if key.data is None:
                    self._accept()
                else:
                    self._carry(key.fileobj, key.data)

    def end(self) -> None:
        self._ended = True
        self.heal()
        self.join(10)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        self._selector.register(client, selectors.EVENT_READ, server)
        self._selector.register(server, selectors.EVENT_READ, client)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            data = source.recv(65536)
            if data:
                target.sendall(data)
                self.bytes += len(data)
                return
        except OSError:
            pass  # one end is gone: the other one learns it now
        for end in (source, target):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()


@contextlib.contextmanager
def proxy_to(host: str, port: int) -> Iterator[Proxy]:
    proxy = Proxy((host, port))
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.end()
