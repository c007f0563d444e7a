"""How the server is reached: standard input and output, or streamable HTTP."""

from __future__ import annotations

import errno
import hmac
import os
import socket
from typing import Any

from data_integration_architect.errors import RefusedPath
from data_integration_architect.files import Root
from data_integration_architect.mcp_server.server import create_server


def serve_stdio(root: Root | None) -> None:
    """Serves on standard input and output until the client closes them."""
    create_server(root).run("stdio")


def serve_http(
    root: Root | None,
    host: str,
    port: int,
    token_variable: str | None = None,
    allowed_hosts: tuple[str, ...] = (),
    allowed_origins: tuple[str, ...] = (),
) -> None:
    """Serves stateless streamable HTTP at /mcp: any number of replicas can stand behind a load balancer.

    Host and Origin are checked on every binding. `token_variable`: environment variable that holds a bearer token.
    """
    from mcp.server.transport_security import TransportSecuritySettings

    hosts = list(allowed_hosts) or [f"{host}:{port}", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=list(allowed_origins)
    )
    # Over HTTP the caller is somebody else: the working directory is no root that they may read.
    confined = root or Root(None, "over HTTP paths need --root FOLDER")
    _check_address(host, port)
    settings = _bearer(token_variable, f"http://{host}:{port}/mcp") if token_variable else {}
    create_server(confined, **settings).run(
        "streamable-http", host=host, port=port, stateless_http=True, transport_security=security
    )


def _check_address(host: str, port: int) -> None:
    """Raises: RefusedPath where nothing can be served: the server of the SDK would end without a word of ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        reason = "the port is taken" if error.errno == errno.EADDRINUSE else error.strerror or "no such address"
        raise RefusedPath(f"cannot serve on {host} port {port}: {reason}; give another --port or --host") from None


def _bearer(variable: str, url: str) -> dict[str, Any]:
    from mcp.server.auth.provider import AccessToken
    from mcp.server.auth.settings import AuthSettings

    secret = os.environ.get(variable, "")
    if len(secret) < 16:
        raise RefusedPath(f"environment variable {variable} must hold a token of at least 16 characters")

    class Verifier:
        async def verify_token(self, token: str) -> AccessToken | None:
            if not hmac.compare_digest(token.encode(), secret.encode()):
                return None
            return AccessToken(token=token, client_id="static", scopes=["mcp"], resource=url)

    auth = AuthSettings(
        issuer_url=url,
        resource_server_url=url,
        required_scopes=["mcp"],
        validate_token_resource=True,
    )
    return {"token_verifier": Verifier(), "auth": auth}
