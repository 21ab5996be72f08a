"""The version of the reference whose behaviour packs find here."""

__version__ = "0.8.0"
