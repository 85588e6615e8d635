"""Models behind one method: OpenAI-compatible HTTP and vLLM in process."""

from llm_tools.backends.base import Backend, Capabilities, Message, Picture, Reply, Request
from llm_tools.backends.http import HTTPBackend

__all__ = ["Backend", "Capabilities", "HTTPBackend", "Message", "Picture", "Reply", "Request"]
