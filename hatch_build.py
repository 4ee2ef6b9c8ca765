"""The README as a registry shows it: outside the repository a relative link leads nowhere, and no picture is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"^!\[[^\]]*\]\((?!https?:)[^)]*\)\n+", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")
_COMMENT = re.compile(r"^<!-- .*? -->\n", re.MULTILINE)


class ReadmeHook(MetadataHookInterface):
    """Sets the long description."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the text to the project's metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = metadata.get("urls", {}).get("Repository")
        metadata["readme"] = {"content-type": "text/markdown", "text": for_registry(text, repository)}


def for_registry(text: str, repository: str | None) -> str:
    """A README without what works in the repository only.

    Args:
        text: the README.
        repository: https address where its files are shown; without one a relative link becomes its words.
    """

    def link(match: re.Match[str]) -> str:
        return match[1] if repository is None else f"[{match[1]}]({repository}/blob/main/{match[2]})"

    return _LINK.sub(link, _PICTURE.sub("", _COMMENT.sub("", text)))
