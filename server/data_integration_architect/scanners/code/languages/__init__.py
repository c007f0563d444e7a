"""One reader per language, chosen by the ending of a path."""

from .csharp import CSharpReader
from .go import GoReader
from .java import JavaReader
from .kotlin import KotlinReader
from .php import PhpReader
from .python import PythonReader
from .reader import Reader, TooDeep
from .script import JavaScriptReader, ScriptReader

# ending -> (grammar, reader)
LANGUAGES: dict[str, tuple[str, type[Reader]]] = {
    ".py": ("python", PythonReader),
    ".java": ("java", JavaReader),
    ".kt": ("kotlin", KotlinReader),
    ".kts": ("kotlin", KotlinReader),
    ".ts": ("typescript", ScriptReader),
    ".mts": ("typescript", ScriptReader),
    ".cts": ("typescript", ScriptReader),
    ".tsx": ("tsx", ScriptReader),
    ".js": ("tsx", JavaScriptReader),
    ".mjs": ("tsx", JavaScriptReader),
    ".cjs": ("tsx", JavaScriptReader),
    ".jsx": ("tsx", JavaScriptReader),
    ".go": ("go", GoReader),
    ".cs": ("csharp", CSharpReader),
    ".php": ("php", PhpReader),
}

__all__ = ["LANGUAGES", "JavaScriptReader", "Reader", "ScriptReader", "TooDeep"]
