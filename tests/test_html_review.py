"""A review as one HTML page: nothing is loaded from elsewhere, and no name of the topology becomes markup."""

import json
import re
from html.parser import HTMLParser

import pytest

from data_integration_architect import cli
from support import ROOT

NAMES = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b>", "</title>", "[x](javascript:1)",
         "DIAGRAM-0-HERE", "a`b|c", "javascript:alert(1)", "&lt;i&gt;")  # fmt: skip
RETAILER = ROOT / "examples" / "online-retailer.yaml"


class Page(HTMLParser):
    """Tags, attributes and shown text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text += data


def shown(capsys, file, *more):
    with pytest.raises(SystemExit):
        cli.main(["review", str(file), "--format", "html", "--check", "none", *more])
    return capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text(name, tmp_path, capsys):
    file = tmp_path / "topology.yaml"
    steps = [{"write": name, "entity": name}, {"write": "search", "entity": name}]
    data = {
        "system": name,
        "stores": {name: {"technology": "postgresql"}, "search": {"technology": "elasticsearch"}},
        "entities": {name: {"key": "id"}},
        "processes": {"shop": {"handlers": {"save": {"steps": steps}}}},
    }
    file.write_text(json.dumps(data), encoding="utf-8")
    page = Page(shown(capsys, file))
    assert not {"script", "img", "b", "i", "iframe", "object", "link"} & set(page.tags)
    assert not [one for one in page.attributes if one[1].startswith("on")]
    assert all(not value.lower().startswith("javascript:") for _, _, value in page.attributes)
    assert name.split("`", maxsplit=1)[0] in page.text
    assert page.tags.count("svg") == 1 and "dual-write-unprotected" in page.text


def test_a_page_loads_nothing(capsys):
    text = shown(capsys, RETAILER)
    page = Page(text)
    assert not [one for one in page.attributes if one[1] in {"src", "srcset"} or (one[0], one[1]) == ("link", "href")]
    assert not re.search(r"url\((?!#)", text) and "@import" not in text
    assert "prefers-color-scheme" in text and 'name="viewport"' in text
    targets = [value[1:] for tag, name, value in page.attributes if (tag, name) == ("a", "href") and value[0] == "#"]
    assert targets and all(f'id="{target}"' in text for target in targets)
    assert re.search(r"<h2[^>]*>Findings</h2>", text)
