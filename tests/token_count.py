"""Tokens of o200k_base, counted offline."""

import warnings
from functools import cache
from typing import Any


@cache
def _encoding() -> Any:
    with warnings.catch_warnings():
        # The package reads its data through a deprecated function.
        warnings.simplefilter("ignore", DeprecationWarning)
        import bpe_openai

        return bpe_openai.get_encoding("o200k_base")


def token_count(text: str) -> int:
    return len(_encoding().encode(text))
