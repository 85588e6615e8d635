"""Makes the helpers beside it importable by the tests of every family."""
