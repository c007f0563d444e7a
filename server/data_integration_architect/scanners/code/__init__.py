"""Effects of source code on stores and brokers, and the dual writes among them."""

from .clients import Clients, load_clients
from .scan import scan_sources

__all__ = ["Clients", "load_clients", "scan_sources"]
