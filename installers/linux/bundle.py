"""Programs with the libraries that they were built with, for systems that have others.

The C library and its loader come along too, so that age and kind of the target's own do not matter. Programs name their
loader by an absolute path, so a bundle works in the one folder that it was made for.
"""

import os
import re
import shutil
import subprocess


def libraries(programs):
    """{soname: path} of all that the dynamic loader would load, the loader included."""
    found = {}
    for program in programs:
        for line in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines():
            loaded = re.match(r"\s*(\S+) => (/\S+) \(", line) or re.match(r"\s*()(/\S+) \(", line)
            if loaded:
                path = loaded.group(2)
                found[loaded.group(1) or os.path.basename(path)] = path
    return found


def loader_of(program):
    done = subprocess.run(["patchelf", "--print-interpreter", program], capture_output=True, text=True, check=True)
    return os.path.basename(done.stdout.strip())


def bundle(programs, folder, installed):
    """Copies libraries into `folder` and changes the programs, in place, to find them in `installed`."""
    os.makedirs(folder, exist_ok=True)
    for name, path in libraries(programs).items():
        target = os.path.join(folder, name)
        shutil.copyfile(os.path.realpath(path), target)
        os.chmod(target, 0o755 if name.startswith("ld-linux") else 0o644)
    for program in programs:
        subprocess.run(["patchelf", "--set-interpreter", f"{installed}/{loader_of(program)}", "--force-rpath",
                        "--set-rpath", installed, program], check=True)
