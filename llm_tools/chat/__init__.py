"""Two ways to hold a chat with stickers: by tool calls, or by one JSON answer a turn."""
