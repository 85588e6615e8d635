"""Losses as plain functions over tensors, a file each; all compute in float32 whatever is around them."""
