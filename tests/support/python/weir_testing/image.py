"""The container image, built and run without a container engine: Debian's own tools, as root."""
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from .paths import DEPLOY, ROOT

CONTAINERFILE = DEPLOY / "container/Containerfile"
IGNORE = DEPLOY / "container/Containerfile.dockerignore"
PACKAGES = DEPLOY / "container/packages.txt"
MIRROR = "http://deb.debian.org/debian"
# A chroot of the image's root as an engine would give it: read-only, state and /tmp apart, no way to more rights.
_ENTER = """
set -eu; root=$1 user=$2; shift 2
mount --bind "$root" "$root"; mount -o remount,ro,bind "$root"
mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"; mount -t tmpfs -o mode=0750,uid=${user%:*},gid=${user#*:} tmpfs "$root/var/lib/weir"
exec setpriv --no-new-privs --pdeathsig KILL /usr/sbin/chroot --userspec="$user" "$root" "$@"
"""


def missing_tools() -> list[str]:
    return [tool for tool in ("buildah", "skopeo", "mmdebstrap", "unshare") if not shutil.which(tool)]


class Image:
    """The Debian below is made once for a list of packages and kept in .cache; what is built goes with close()."""

    def __init__(self) -> None:
        key = hashlib.sha256(PACKAGES.read_bytes()).hexdigest()[:12]
        self._folder = ROOT / ".cache/container" / key
        self._debian = f"localhost/weir-debian:{key}"
        self._name = f"localhost/weir-test:{os.getpid()}"
        self._containers: list[str] = []
        self.root: Path | None = None

    def build(self) -> "Image":
        self._make_debian()
        done = self._buildah(
            "bud", "--isolation", "chroot", "--format", "docker", "--layers=false", "--ignorefile", str(IGNORE), "--file",
            str(CONTAINERFILE), "--build-arg", f"DEBIAN={self._debian}", "--build-arg", "BINARY=given", "--build-arg",
            "VERSION=0.1.0-test", "--tag", self._name, str(ROOT))
        self.log = done.stdout + done.stderr
        container = self._buildah("from", self._name).stdout.strip()
        self._containers.append(container)
        self.root = Path(self._buildah("mount", container).stdout.strip())
        return self

    def config(self) -> dict:
        """What skopeo, a program of others, reads of it."""
        store = f"containers-storage:[vfs@{self._folder / 'storage'}+{self._folder / 'run'}]{self._name}"
        return json.loads(_run(["skopeo", "inspect", "--config", "--raw", store]).stdout)

    def run(self, *arguments: str, user: str, env: dict[str, str] | None = None, timeout: float = 60) -> subprocess.CompletedProcess:
        """Its entry point with `arguments`, on a read-only root."""
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "enter", str(self.root), user, *arguments]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout, env=env or {})

    def close(self) -> None:
        for container in self._containers:
            self._buildah("rm", container)
        self._buildah("rmi", "--force", self._name)

    def _make_debian(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._debian in self._buildah("images", "--format", "{{.Name}}:{{.Tag}}").stdout.split():
            return
        packages = [line.split("#")[0].strip() for line in PACKAGES.read_text().splitlines()]
        archive = self._folder / "root.tar"
        # Nothing that the image takes: texts, translations, drivers of graphics cards.
        _run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(filter(None, packages))}",
              "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
              "--dpkgopt=path-exclude=/usr/lib/x86_64-linux-gnu/dri/*", "bookworm", str(archive), MIRROR])
        container = self._buildah("from", "scratch").stdout.strip()
        self._buildah("add", container, str(archive), "/")
        self._buildah("commit", "--rm", container, self._debian)
        archive.unlink()

    def _buildah(self, *arguments: str) -> subprocess.CompletedProcess:
        return _run(["buildah", "--storage-driver", "vfs", "--root", str(self._folder / "storage"), "--runroot",
                     str(self._folder / "run"), *arguments])


def _run(words: list[str]) -> subprocess.CompletedProcess:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words[:8])}...: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done
