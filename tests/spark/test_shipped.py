"""The package as `spark-submit --py-files` ships it: a zip whose entries are files alone, as those of a wheel are."""

import subprocess
import sys
import zipfile
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"
NEEDED = ("counting.workers", "explaining.bulk.parts", "explaining.bulk.sums", "sources.spark.mapping")


def test_workers_find_every_part_in_a_zip(tmp_path: Path) -> None:
    shipped = tmp_path / "evenhand.zip"
    with zipfile.ZipFile(shipped, "w") as made:
        for file in sorted(SOURCES.rglob("*.py")):
            made.write(file, str(file.relative_to(SOURCES)))
    loading = f"import sys; sys.path.insert(0, {str(shipped)!r}); import evenhand; print(evenhand.__file__)"
    loading += "".join(f"\nimport evenhand.{name}" for name in NEEDED)
    done = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(shipped) in done.stdout
