"""Django's admin over all that is stored. It changes things through the actions, so open pages see it at once."""

from chat.admin import log, messages, people, rooms, tokens

__all__ = ["log", "messages", "people", "rooms", "tokens"]
