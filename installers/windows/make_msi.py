#!/usr/bin/env python3
"""Makes the MSI packages from programs that tools/build-windows has built.

    installers/windows/make_msi.py                       build/windows/bin → build/packages/*.msi
    installers/windows/make_msi.py --bin DIR --out DIR --version 0.2.0

Each of jump-client and jumpoint whose program is there becomes a package, jump.exe a .zip. Needs wixl and msitools
(tools/setup --windows).
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SPACE = uuid.UUID("6f3b2a30-7c1e-4b55-9a7e-1d5f0a7f9c01")  # names below it never change: upgrades find each other by them
CLIENT_SETTINGS = ("JC_NAME", "JC_JUMP_GROUP", "JC_TAG", "JC_COMMENTS", "JC_MAX_OFFLINE_MINUTES", "JC_EPHEMERAL",
                   "JC_SESSION_USER")
PACKAGES = {
    "jump-client": ("Jump Client", "Keeps this machine reachable through its appliance, and listens on nothing.",
                    "agent/service/jump-client.example.yaml", CLIENT_SETTINGS),
    "jumpoint": ("Jumpoint", "Reaches the machines of this network for the appliance.",
                 "jumpoint/service/jumpoint.example.yaml", ()),
}


def tree_version():
    with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.search(r"project\(jump VERSION ([0-9.]+)", file.read()).group(1)


def digest(*paths):
    made = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            made.update(file.read())
    return made.hexdigest()


def text_for_windows(source, to):
    with open(source, encoding="utf-8") as file:
        text = file.read()
    with open(to, "w", encoding="utf-8", newline="\r\n") as file:
        file.write(text)


def stage(program, bin_folder, folder):
    """Everything that goes into the package, in one folder: wixl takes relative names only."""
    _, _, example, _ = PACKAGES[program]
    lean = os.path.join(folder, program + ".exe")
    subprocess.run(["x86_64-w64-mingw32-strip", "-o", lean, os.path.join(bin_folder, program + ".exe")], check=True)
    shutil.copy(os.path.join(bin_folder, "setup_actions.dll"), folder)
    shutil.copy(os.path.join(HERE, "package.wxs"), folder)
    text_for_windows(os.path.join(ROOT, example), os.path.join(folder, "example.yaml"))
    text_for_windows(os.path.join(HERE, "README.md"), os.path.join(folder, "README.txt"))
    text_for_windows(os.path.join(ROOT, "LICENSE"), os.path.join(folder, "LICENSE.txt"))


def query(msi, text):
    subprocess.run(["msibuild", msi, "-q", text], check=True)


def make(program, bin_folder, out, version):
    title, description, _, settings = PACKAGES[program]
    msi = os.path.join(out, f"{program}-{version}-x64.msi")
    with tempfile.TemporaryDirectory() as folder:
        stage(program, bin_folder, folder)
        content = digest(*(os.path.join(folder, name) for name in sorted(os.listdir(folder))))
        name = {part: str(uuid.uuid5(SPACE, f"{program}/{part}")) for part in ("upgrade", "program", "texts", "place")}
        defines = {
            # Another one for other content: the Windows Installer takes two packages with one code for the same.
            "ProductCode": str(uuid.uuid5(SPACE, f"{program}/{version}/{content}")), "UpgradeCode": name["upgrade"],
            "ProgramGuid": name["program"], "TextsGuid": name["texts"], "PlaceGuid": name["place"], "Title": title,
            "Description": description, "Version": version, "Program": program,
        }
        made = os.path.join(folder, "package.msi")
        words = [word for key, value in defines.items() for word in ("-D", f"{key}={value}")]
        subprocess.run(["wixl", "--arch", "x64", "-o", made, *words, "package.wxs"], cwd=folder, check=True)
        finish(made, settings)
        shutil.move(made, msi)
    return msi


def make_zip(bin_folder, out, version):
    """`jump` needs no installation."""
    path = os.path.join(out, f"jump-{version}-x64.zip")
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        lean = os.path.join(folder, "jump.exe")
        subprocess.run(["x86_64-w64-mingw32-strip", "-o", lean, os.path.join(bin_folder, "jump.exe")], check=True)
        text_for_windows(os.path.join(ROOT, "LICENSE"), os.path.join(folder, "LICENSE.txt"))
        for name in ("jump.exe", "LICENSE.txt"):
            made.write(os.path.join(folder, name), name)
    return path


def finish(msi, settings):
    """What wixl has no words for."""
    # msidbCustomActionTypeHideTarget: the key is in no log, not even of the action itself.
    query(msi, "UPDATE `CustomAction` SET `Type` = 11265 WHERE `Action` = 'Enrol'")
    # Whoever may install without being an administrator (by policy) may set these, and no others.
    secure = ";".join(("KEY_INFO", "KEY_INFO_FILE", "INSTALLDIR", "START_SERVICES", *settings, "WIX_UPGRADE_DETECTED",
                       "WIX_DOWNGRADE_DETECTED"))
    query(msi, f"UPDATE `Property` SET `Value` = '{secure}' WHERE `Property` = 'SecureCustomProperties'")
    # Where Microsoft allows it to stand (wixl puts it elsewhere): the old version comes back if the new one fails.
    query(msi, "UPDATE `InstallExecuteSequence` SET `Sequence` = 1501 WHERE `Action` = 'RemoveExistingProducts'")
    # It sets what the deferred actions are given, so it stands before all of them.
    query(msi, "UPDATE `InstallExecuteSequence` SET `Sequence` = 1001 WHERE `Action` = 'Prepare'")
    query(msi, "UPDATE `InstallExecuteSequence` SET `Condition` = 'START_SERVICES' WHERE `Action` = 'StartServices'")


def main():
    parser = argparse.ArgumentParser(prog="make_msi.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    build = os.environ.get("JUMP_BUILD") or os.path.join(ROOT, "build")
    parser.add_argument("--bin", default=os.path.join(build, "windows", "bin"), help="where the programs are")
    parser.add_argument("--out", default=os.path.join(build, "packages"), help="where the packages go")
    parser.add_argument("--version", default=tree_version())
    chosen = parser.parse_args()
    for program in ("wixl", "msibuild", "x86_64-w64-mingw32-strip"):
        if not shutil.which(program):
            sys.exit(f"make_msi.py: {program} is not installed (tools/setup --windows)")
    os.makedirs(chosen.out, exist_ok=True)
    made = [make(program, chosen.bin, chosen.out, chosen.version) for program in PACKAGES
            if os.path.exists(os.path.join(chosen.bin, program + ".exe"))]
    if os.path.exists(os.path.join(chosen.bin, "jump.exe")):
        made.append(make_zip(chosen.bin, chosen.out, chosen.version))
    for path in made:
        print(f"{path} {os.path.getsize(path)} bytes")
    return 0 if made else f"make_msi.py: there is no program in {chosen.bin}; tools/build-windows makes them"


if __name__ == "__main__":
    sys.exit(main())
