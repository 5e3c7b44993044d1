"""Where things are. ctest sets the variables; by hand the release build is taken."""
import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
WEIR = Path(os.environ.get("WEIR_BINARY", ROOT / "build/release/weir"))
WORK = Path(os.environ.get("WEIR_TEST_WORK", ROOT / "build/release/tests/work"))
BROKER_SCRIPT = ROOT / "tests/support/kafka-broker/kafka-broker"
SAMPLE = ROOT / "tests/data/sample"
DEPLOY = ROOT / "deploy"
USER_MODEL = ROOT / "models/zoo/handbook-attend/1.0.0"  # reads the user's own history only
CONFIG = Path(os.environ.get("WEIR_TEST_CONFIG", ROOT / "configs/handbook.yaml"))


def promtool() -> str:
    return _of_prometheus("promtool")


def prometheus() -> str:
    return _of_prometheus("prometheus")


def _of_prometheus(program: str) -> str:
    """From the PATH, or where `make setup` unpacked it."""
    unpacked = ROOT / ".cache/prometheus/usr/bin" / program
    found = shutil.which(program) or (str(unpacked) if unpacked.exists() else None)
    if not found:
        raise FileNotFoundError(f"{program}: run `make setup`")
    return found
