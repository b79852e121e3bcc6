"""What answers at the address of a Ray cluster: asked before Ray is, which tries for half a minute and fills a page meanwhile."""

from __future__ import annotations

import socket
from contextlib import suppress

from pipeline.errors import MateriaError

__all__ = ["START", "answers", "greet", "place_of"]

START = (
    "Start it (ray start --head), or set engine.address or RAY_ADDRESS to one that runs: "
    "HOST:PORT with the port of the head (6379), ray://HOST:PORT with that of its client server (10001)"
)
_ANSWER_S = 10.0
#: A request without side effects to the head, and one to its server for clients (`ClusterInfoRequest(type=PING)`).
_ALIVE = "/ray.rpc.NodeInfoGcsService/CheckAlive", b""
_PING = "/ray.rpc.RayletDriver/ClusterInfo", b"\x08\x06"


def place_of(address: str | None) -> tuple[str, int] | None:
    """Host and port of an address; None where it names none (`auto`, `local`)."""
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return None
    return host.strip("[]"), int(port)


def answers(place: tuple[str, int], timeout: float) -> bool:
    """Whether anything takes a connection there."""
    with suppress(OSError), socket.create_connection(place, timeout=timeout):
        return True
    return False


def greet(address: str, place: tuple[str, int]) -> None:
    """See that a Ray cluster answers at an address, and lets this process in.

    Raises:
        MateriaError: nothing answers, or something else, or it wants another token.
    """
    if not answers(place, _ANSWER_S):
        raise MateriaError("there is no Ray cluster at this address", file=address, remedy=START)
    import grpc
    from ray._private.grpc_utils import init_grpc_channel
    from ray._private.ray_constants import GLOBAL_GRPC_OPTIONS
    from ray.exceptions import AuthenticationError

    host, port = place
    method, request = _PING if "://" in address else _ALIVE
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    # As Ray asks: past proxies of the web, with the token and the certificates that the environment names.
    with init_grpc_channel(target, GLOBAL_GRPC_OPTIONS) as channel:
        try:
            channel.unary_unary(method)(request, timeout=_ANSWER_S, wait_for_ready=True)
        except (grpc.RpcError, AuthenticationError) as error:
            if isinstance(error, AuthenticationError) or error.code() is grpc.StatusCode.UNAUTHENTICATED:
                raise MateriaError(
                    "the Ray cluster asks for a token, and this process has none or another",
                    file=address,
                    remedy="Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what it is on the head",
                ) from error
            raise MateriaError("what answers at this address is no Ray cluster", file=address, remedy=START) from error
