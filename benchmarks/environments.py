"""Makes one virtual environment for each peer under benchmarks/.environments, so that no pins meet; needs uv."""

import argparse
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE / ".environments"

# Each peer: the python it runs on, and the lines given to `uv pip install`.
PEERS: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "fairlearn": ("3.11", (("fairlearn==0.15.0", "pandas", "pyarrow"),)),
    # Its declared dependencies (boto3, s3fs) are never imported by the metrics; pandas 3 breaks string facets.
    "smclarify": (
        "3.11",
        (("--no-deps", "smclarify==0.5"), ("pandas<3", "scikit-learn", "pyarrow", "pyfunctional")),
    ),
    "aif360": ("3.11", (("aif360==0.6.1", "pandas<3", "pyarrow"),)),
    # Without dependencies: the audit needs no torch, plots and bias mitigation do.
    "aequitas": (
        "3.11",
        (
            ("--no-deps", "aequitas==1.1.0"),
            ("pandas<3", "scikit-learn", "scipy", "altair", "seaborn", "matplotlib", "tabulate", "millify", "pyarrow"),
        ),
    ),
    "divexplorer": ("3.11", (("divexplorer==0.2.6", "pandas"),)),
    "sliceline": ("3.11", (("sliceline==0.3.0", "pandas"),)),
    "oxonfair": ("3.11", (("oxonfair==0.3", "pandas", "scikit-learn"),)),
    # Newer cvxpy no longer brings ECOS, the solver.
    "error-parity": ("3.11", (("error-parity==0.3.12", "ecos", "pandas"),)),
    # 0.7.23 imports a name that pandas 3.1 no longer has.
    "evidently": ("3.11", (("evidently==0.7.23", "pandas<3", "pyarrow"),)),
    # shap, shapiq and woodelf, and what the models they explain need; 1.4.1 is the newest shapiq for Python 3.11.
    "shap": (
        "3.11",
        (
            (
                "shap==0.51.0",
                "shapiq==1.4.1",
                "woodelf_explainer==0.4.8",
                "xgboost-cpu==3.2.0",
                "lightgbm==4.7.0",
                "scikit-learn",
                "pandas",
            ),
        ),
    ),
}


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment."""
    return ENVIRONMENTS / peer / "bin" / "python"


def make(peer: str) -> None:
    """Make (or make anew) the environment of one peer."""
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("uv is not on the path; see https://docs.astral.sh/uv/.")
    python, installs = PEERS[peer]
    folder = ENVIRONMENTS / peer
    subprocess.run([uv, "venv", "--clear", "--quiet", "--python", python, str(folder)], check=True)
    for lines in installs:
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python_of(peer)), *lines], check=True)


def main() -> None:
    """Make the environments named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peers", nargs="*", choices=[*PEERS, []], help="by default all")
    for peer in parser.parse_args().peers or PEERS:
        print(f"{peer} …", flush=True)
        make(peer)


if __name__ == "__main__":
    main()
