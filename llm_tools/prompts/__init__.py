"""Versioned prompts in several languages, identified by the hash of what they say."""

from llm_tools.prompts.load import Prompt, load_prompt

__all__ = ["Prompt", "load_prompt"]
