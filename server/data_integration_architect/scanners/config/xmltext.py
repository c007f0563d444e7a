"""XML text to a small located tree, by defusedxml: no entities, no document types fetched, no external references."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.sax import make_parser

from data_integration_architect.scanners.config.located import Malformed

MOST_CHARACTERS = 4 * 1024 * 1024
MOST_DEPTH = 100


@dataclass
class Element:
    """One element: local name, attributes by local name, own text, children and the line of its start tag."""

    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, name: str) -> Element | None:
        return next((child for child in self.children if child.name == name), None)

    def value(self, name: str) -> str:
        """The text of the child `name`, or the attribute `name`, without surrounding space."""
        found = self.child(name)
        return (found.text if found else self.attributes.get(name, "")).strip()

    def walk(self) -> Iterator[Element]:
        pending = [self]
        while pending:
            element = pending.pop()
            yield element
            pending.extend(reversed(element.children))


def load(source: str) -> Element:
    """The root element of `source`. Raises: Malformed for what is no XML, has entities or is beyond the limits."""
    if len(source) > MOST_CHARACTERS:
        raise Malformed(1, "larger than the limit for XML")
    handler = _Tree()
    parser = make_parser()
    parser.setContentHandler(handler)
    try:
        parser.parse(io.BytesIO(_declared_utf8(source).encode("utf-8", errors="replace")))
    except DefusedXmlException:
        raise Malformed(1, "XML with entity declarations is not read") from None
    except SAXException as error:
        line = getattr(error, "getLineNumber", lambda: 1)() or 1
        raise Malformed(line, "not valid XML") from None
    except (ValueError, LookupError):
        raise Malformed(1, "not valid XML") from None
    if handler.root is None:
        raise Malformed(1, "not valid XML")
    return handler.root


def _declared_utf8(source: str) -> str:
    """`source` without its XML declaration: it is text by now, so the declared encoding no longer holds."""
    source = source.removeprefix("\ufeff").lstrip()
    if source.startswith("<?xml"):
        end = source.find("?>")
        # Spaces and line breaks keep the line numbers.
        return "\n" * source.count("\n", 0, end) + source[end + 2 :] if end >= 0 else source
    return source


class _Tree(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.root: Element | None = None
        self.open: list[Element] = []
        self.locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:
        self.locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        line = (self.locator.getLineNumber() if self.locator else None) or 1
        if len(self.open) >= MOST_DEPTH:
            raise Malformed(line, "nested too deeply")
        made = Element(_local(name), line, {_local(key): value for key, value in attrs.items()})
        if self.open:
            self.open[-1].children.append(made)
        elif self.root is None:
            self.root = made
        self.open.append(made)

    def endElement(self, name: str) -> None:
        self.open.pop()

    def characters(self, content: str) -> None:
        if self.open:
            self.open[-1].text += content


def _local(name: str) -> str:
    return name.rsplit(":", 1)[-1]
