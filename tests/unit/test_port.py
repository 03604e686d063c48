"""A kept port: workers may listen on it, and nobody else may, whether any of them is alive."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.port import kept_port
from serving.start import StartError

HOST = "127.0.0.1"


def listening(port: int, *, reuse_port: bool, host: str = HOST) -> socket.socket:
    """A socket that listens as gRPC's do: a worker's with SO_REUSEPORT, a lone server's without."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(reuse_port))
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def assert_refused_to_others(port: int) -> None:
    for host in (HOST, "0.0.0.0"):
        with pytest.raises(OSError, match="in use"):
            listening(port, reuse_port=False, host=host)
        refused = pytest.raises(StartError, match=f"HOLDFAST_LISTEN: .*{host}:{port}")
        with refused, kept_port(host, port):
            pass


def test_workers_share_a_port_that_is_refused_to_all_others() -> None:
    with kept_port(HOST, 0) as port:
        assert_refused_to_others(port)
        with listening(port, reuse_port=True), listening(port, reuse_port=True):
            assert_refused_to_others(port)
        assert_refused_to_others(port)


def test_a_port_is_free_again_afterwards() -> None:
    with kept_port(HOST, 0) as port:
        pass
    with listening(port, reuse_port=False):
        pass
    with kept_port(HOST, port) as again:
        assert again == port


@pytest.mark.parametrize("reuse_port", [False, True])
def test_a_port_that_somebody_listens_on_cannot_be_kept(reuse_port: bool) -> None:
    with listening(0, reuse_port=reuse_port) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"{HOST}:{port}"), kept_port(HOST, port):
            pass


def test_of_two_who_want_a_port_at_the_same_moment_one_gets_it() -> None:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    together = threading.Barrier(2)

    def keeps_it(_: int) -> bool:
        together.wait()
        try:
            with kept_port(HOST, port):
                together.wait()
                return True
        except StartError:
            together.wait()
            return False

    with ThreadPoolExecutor(2) as pool:
        for _ in range(300):
            assert sorted(pool.map(keeps_it, range(2))) == [False, True]


def test_what_an_earlier_server_left_in_time_wait_is_no_obstacle() -> None:
    with listening(0, reuse_port=False) as earlier:
        port = earlier.getsockname()[1]
        with socket.create_connection((HOST, port)) as caller:
            earlier.accept()[0].close()  # whoever closes first waits
            assert caller.recv(1) == b""
    with kept_port(HOST, port), listening(port, reuse_port=True):
        assert_refused_to_others(port)


def test_another_address_of_the_port_is_another_matter() -> None:
    with kept_port(HOST, 0) as port, kept_port("127.0.0.2", port):
        pass


def test_every_address_of_a_name_is_kept() -> None:
    with kept_port("localhost", 0) as port:
        assert_refused_to_others(port)


def test_an_address_that_is_not_this_machines_is_refused() -> None:
    with pytest.raises(StartError, match=r"192\.0\.2\.1:0"), kept_port("192.0.2.1", 0):
        pass
