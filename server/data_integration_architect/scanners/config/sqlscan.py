"""A cursor over the words of a SQL statement, and the lists that stand in it."""

from __future__ import annotations

import re

from data_integration_architect.scanners.config.sqltokens import Statement, Word


class Scan:
    """A cursor over the words of a statement."""

    def __init__(self, words: Statement) -> None:
        self.words = words
        self.position = 0

    def peek(self, ahead: int = 0) -> Word:
        index = self.position + ahead
        return self.words[index] if index < len(self.words) else END

    def at(self, first: str) -> bool:
        return self.peek().key == first

    def skip(self, *keys: str) -> bool:
        """Moves past `keys` if they come next."""
        if all(self.peek(i).key == key for i, key in enumerate(keys)):
            self.position += len(keys)
            return True
        return False

    def find(self, *keys: str) -> bool:
        """Moves behind the next place where `keys` stand; stays where it is if there is none."""
        for index in range(self.position, len(self.words) - len(keys) + 1):
            if all(self.words[index + i].key == key for i, key in enumerate(keys)):
                self.position = index + len(keys)
                return True
        return False

    def name(self) -> str:
        """A possibly qualified name without its schema where that is the default one."""
        parts: list[str] = []
        while self.position < len(self.words):
            word = self.words[self.position]
            if word.is_string or not (word.key == "" or re.match(r"[\w$#@]", word.text)):
                break
            parts.append(word.text)
            self.position += 1
            if self.peek().text != ".":
                break
            self.position += 1
        return bare(".".join(parts))

    def group(self) -> list[Word]:
        """The words inside the parentheses that come next."""
        if self.peek().text != "(":
            return []
        depth, start = 0, self.position + 1
        for index in range(self.position, len(self.words)):
            depth += (self.words[index].text == "(" and not self.words[index].is_string) - (
                self.words[index].text == ")" and not self.words[index].is_string
            )
            if depth == 0:
                self.position = index + 1
                return self.words[start:index]
        self.position = len(self.words)
        return self.words[start:]

    def rest(self) -> list[Word]:
        return self.words[self.position :]


END = Word("", "", 0, True)


def bare(name: str) -> str:
    """A qualified name without the default schema: `public.orders`, `dbo.orders` are `orders`."""
    parts = [part for part in name.split(".") if part]
    if len(parts) > 1 and parts[0].lower() in {"public", "dbo"}:
        parts = parts[1:]
    return ".".join(parts[-2:])


def column_names(words: list[Word]) -> list[str]:
    """Column names of a list such as `(a, b DESC, lower(c))`; expressions give none."""
    return [
        part[0].text
        for part in split(words)
        if part and re.fullmatch(r"[\w$]+", part[0].text) and not any(w.text == "(" for w in part[1:2])
    ]


def split(words: list[Word]) -> list[list[Word]]:
    parts: list[list[Word]] = [[]]
    depth = 0
    for word in words:
        if not word.is_string:
            depth += (word.text in "([" and word.text != "") - (word.text in ")]" and word.text != "")
            if word.text == "," and depth == 0:
                parts.append([])
                continue
        parts[-1].append(word)
    return [part for part in parts if part]
