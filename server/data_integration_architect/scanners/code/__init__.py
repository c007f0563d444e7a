"""Effects of source code on stores and brokers, and the dual writes among them."""

from .clients import BadKnowledge, Clients, load_clients
from .scan import scan_sources

__all__ = ["BadKnowledge", "Clients", "load_clients", "scan_sources"]
