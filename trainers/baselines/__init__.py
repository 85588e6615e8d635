"""Training the published baselines: one task, one file of losses a family."""
