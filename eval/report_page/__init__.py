"""The written report of an evaluation: tables, figures and one self-contained page, all from its folder.

Importing this package does no work. The tables need nothing beside the core; the page and its figures need
the extra ``report``.
"""
