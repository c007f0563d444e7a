"""Reviews and designs the integration of several data stores."""

__version__ = "0.1.0"
