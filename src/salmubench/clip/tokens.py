"""open_clip's own tokenizer, which remembers words.

Half of the time that it takes goes into mending mojibake, where plain ASCII has none, and into words that it has split
before. What it returns is the same.
"""

from __future__ import annotations

import open_clip


class Tokenizer(open_clip.SimpleTokenizer):  # type: ignore[misc]
    """CLIP's tokenizer with a context length of its own."""

    def __init__(self, context_length: int) -> None:
        super().__init__(context_length=context_length)
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without the marks at both ends."""
        plain = text.isascii() and text.isprintable() and "&" not in text  # what cleaning changes nothing in
        cleaned = " ".join(text.split()).lower() if plain else self.clean_fn(text)
        tokens: list[int] = []
        for word in self.pat.findall(cleaned):
            if word not in self._known:
                spelled = "".join(self.byte_encoder[byte] for byte in word.encode())
                self._known[word] = [self.encoder[part] for part in self.bpe(spelled).split(" ")]
            tokens += self._known[word]
        return tokens
