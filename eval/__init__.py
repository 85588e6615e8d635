"""Measuring any scorer: metrics, protocols, the harness and its reports."""
