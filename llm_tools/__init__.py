"""LLM-side tools: attribute descriptions, intent inferences, the LLM scorer and its baselines."""
