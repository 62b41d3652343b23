/** The shells zsh and fish: those of the system, or Debian's where it has none. */
import { folder, installOnce, run } from "../../tools/peers/install.ts";

/**
 * Makes a function that finds a shell, or installs it from Debian's packages without touching the
 * system.
 *
 * @param packages without their own dependencies that every Debian has
 */
function shell(name: string, packages: readonly string[]): () => Promise<string> {
  const own = `${folder}${name}`;
  const installed = installOnce({
    packages: [name, ...packages],
    stamp: `${own}.installed`,
    executable: `${own}/start`,
    install: () => run("bash", ["-c", INSTALL, "--", own, name, ...packages]),
  });
  return async () => await isOnPath(name) ? name : await installed();
}

// A package list that is missing or out of date is fetched, where that is allowed.
const INSTALL = `set -eu
name=$2
rm -rf "$1" && mkdir -p "$1" && cd "$1"
shift
command -v apt-get dpkg > /dev/null || { echo "install $name and run this again"; exit 1; }
apt-get download "$@" || { apt-get update && apt-get download "$@"; }
for package in *.deb; do dpkg -x "$package" .; done
cat > start << 'END'
#!/bin/sh
folder=$(dirname "$0")
for program in "$folder"/usr/bin/@ "$folder"/bin/@; do
  [ -x "$program" ] && LD_LIBRARY_PATH=$(echo "$folder"/usr/lib/*-linux-gnu*) exec "$program" "$@"
done
END
sed -i "s/@ /$name /; s/@;/$name;/" start
chmod +x start
./start -c 'exit 0'
`;

async function isOnPath(name: string): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: ["-c", "exit 0"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Finds or installs zsh and returns its path. */
export const zsh: () => Promise<string> = shell("zsh", ["zsh-common"]);

/** Finds or installs fish and returns its path. */
export const fish: () => Promise<string> = shell("fish", ["fish-common", "libpcre2-32-0"]);

/**
 * Where zsh finds its modules and functions, as lines of its `.zshenv`: the system's zsh finds them
 * itself, and folders that do not exist change nothing for it.
 */
export const zshEnvironment = `
module_path=(${folder}zsh/usr/lib/*/zsh/*(N/) $module_path)
fpath=(${folder}zsh/usr/share/zsh/functions{,/**/*}(N/) $fpath)
`;
