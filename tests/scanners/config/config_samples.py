"""One small file of each format, as they stand in repositories: path to text. The fuzz tests mutate them."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "samples"
SAMPLES = {
    path.relative_to(_FOLDER).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(_FOLDER.rglob("*"))
    if path.is_file()
}
