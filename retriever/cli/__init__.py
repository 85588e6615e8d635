"""The `sticker` command: one module a subcommand, each a thin skin over one library function."""

from retriever.cli.app import app, main

__all__ = ["app", "main"]
