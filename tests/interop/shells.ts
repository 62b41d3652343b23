/** The shells zsh and fish: those of the system, or Debian's where it has none. */
import {
  debianLibraries,
  debianPeer,
  folder,
  installOnce,
  isOnPath,
} from "../../tools/peers/install.ts";

/** Makes a function that finds a shell, or installs it. */
function shell(name: string, packages: readonly string[]): () => Promise<string> {
  const peer = debianPeer(name, [name, ...packages], "start", `install ${name}`);
  const home = `${folder}${name}`;
  const installed = installOnce({
    ...peer,
    async install() {
      await peer.install();
      // Newer versions of Debian have all programs in /usr/bin.
      const script = `#!/bin/sh
export PATH="${home}/usr/bin:${home}/bin:$PATH"
LD_LIBRARY_PATH=${debianLibraries(name)} exec ${name} "$@"
`;
      await Deno.writeTextFile(peer.executable, script, { mode: 0o755 });
    },
  });
  return async () => await isOnPath(name) ? name : await installed();
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
