"""Secrets and hostile names: what may not become part of a fact.

Readers copy only named parts of a value (a host, a database, a topic), never whole values of unknown keys. This
module is the second line: text that still looks like a secret is replaced.
"""

from __future__ import annotations

import itertools
import re
import unicodedata

REPLACED = "«secret»"
LONGEST_NAME = 200

_SECRET_WORD = re.compile(
    r"pass(?:word|wd|phrase|code)?s?$|^pass|pwd|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key"
    r"|signing[-_.]?key|encryption[-_.]?key|encrypt[-_.]?key|account[-_.]?key|shared[-_.]?access|sas[-_.]?key|jaas|keytab|salt$|otp|pin$|auth$|_key$|_pat$"
    r"|cookie|session[-_.]?key|licen[cs]e|cert$|ssh[-_.]?key|pepper|nonce|hmac|signature|basic[-_.]?auth",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"message[-_.]?key|partition[-_.]?key|primary[-_.]?key|foreign[-_.]?key|routing[-_.]?key|event[-_.]?key"
    r"|record[-_.]?key|unique[-_.]?key|sort[-_.]?key|hash[-_.]?key|range[-_.]?key|key[-_.]?(?:converter|serializer|deserializer|column|field)",
    re.IGNORECASE,
)

_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]+-----.*"
    r"|\b(?:AKIA|ASIA|AROA)[A-Z0-9]{12,}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeoprs]-[\w-]{10,}"
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9]{16,}[\w-]*|\bAIza[\w-]{30,}|\bya29\.[\w.-]+"
    r"|\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?|\bSG\.[\w-]{16,}\.[\w-]+|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{20,}"
    r"|\bdop_v1_[a-f0-9]{30,}|\bhv[sb]\.[\w-]{20,}|\bAGE-SECRET-KEY-\w+|\bshp(?:at|ss)_[a-f0-9]{16,}",
    re.DOTALL,
)
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.:-]{0,40}://)[^\s]*@", re.DOTALL)
_ASSIGNED = re.compile(
    r"(?P<key>[\w.-]{0,60}(?:pass(?:word|wd)?|pwd|secret|token|credentials?|api[-_]?key|access[-_]?key|account[-_]?key))"
    r"(?P<sign>[\"']?\s{0,3}[=:]\s{0,3})(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&,\"']+)",
    re.IGNORECASE,
)
# A run that mixes cases and digits at this length is a generated value in practice; names of that form have separators.
_RUN = re.compile(r"[A-Za-z0-9+/=_]{24,}")
_HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")


def is_secret_key(key: str) -> bool:
    """Whether the value of `key` is a secret by the key's name. Misses: keys that hide their purpose."""
    last = re.split(r"__|[:/]", key)[-1]
    return bool(_SECRET_WORD.search(last)) and not _HARMLESS.search(last)


def scrub(text: str) -> str:
    """`text` with everything replaced that looks like a secret: known token shapes, user info in URLs, assignments.

    Misses: a short password without any mark of being one; such values never reach this function, because
    readers do not copy values of keys that name a secret.
    """
    text = text[:20_000]
    if len(text) < 6:
        return text
    text = _SHAPES.sub(REPLACED, text)
    if "@" in text:
        text = _USERINFO.sub(r"\g<scheme>", text)
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(lambda m: f"{m['key']}{m['sign']}{REPLACED}", text)
    text = _HEX.sub(REPLACED, text)
    return _RUN.sub(lambda m: REPLACED if _is_random(m[0]) else m[0], text)


def _is_random(run: str) -> bool:
    digits = sum(c.isdigit() for c in run)
    upper = sum(c.isupper() for c in run)
    lower = sum(c.islower() for c in run)
    changes = sum(_class(a) != _class(b) for a, b in itertools.pairwise(run))
    return digits >= 3 and upper >= 2 and lower >= 2 and changes >= len(run) // 4


def _class(character: str) -> str:
    return "d" if character.isdigit() else "u" if character.isupper() else "l"


def clean_name(text: str) -> str:
    """`text` on one line without control, format and bidirectional characters, at most 200 characters."""
    kept = "".join(" " if c in "\t\r\n" else c for c in text[: LONGEST_NAME * 4])
    kept = "".join(c for c in kept if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    return kept.strip()[:LONGEST_NAME]
