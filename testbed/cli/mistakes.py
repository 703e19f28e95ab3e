"""A mistake on the command line, said in one line: what is wrong, and what to write instead."""

from __future__ import annotations

from typing import Any


def in_words(error: Exception) -> str | None:
    """The words for an error of the command line; None for one that is not the user's.

    Typer brings click or a copy of it, by version: a mistake of the user is an error with this method, and
    the classes are known by their names.
    """
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    text = str(message())
    if type(error).__name__ == "NoArgsIsHelpError":
        return text
    words = " ".join(text.replace("Value error, ", "").replace("Input should", "must").split())
    words = words[:1].lower() + words[1:].rstrip(".")
    context = getattr(error, "ctx", None)
    advised = type(error).__name__ == "BadParameter" or "did you mean" in words.lower()
    return f"vmto: {words}" + ("" if context is None or advised else f": {_instead(context)}")


def _instead(context: Any) -> str:
    """What can be written there."""
    commands: dict[str, Any] = getattr(context.command, "commands", {})
    if commands:
        return f"use one of {', '.join(commands)}"
    return " ".join(["write", context.command_path, *context.command.collect_usage_pieces(context)])
