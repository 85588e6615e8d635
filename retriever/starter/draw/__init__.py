"""Draws stickers from attributes with Pillow alone."""
