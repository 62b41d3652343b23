/** The shells zsh and fish: those of the system, or Debian's where it has none. */
import { folder, systemPeer } from "../../tools/peers/install.ts";

/** Finds or installs zsh and returns its path. */
export const zsh: () => Promise<string> = systemPeer("zsh", ["zsh", "zsh-common"]);

/** Finds or installs fish and returns its path. */
export const fish: () => Promise<string> = systemPeer("fish", [
  ...["fish", "fish-common", "libpcre2-32-0"],
]);

/**
 * Where zsh finds its modules and functions, as lines of its `.zshenv`: the system's zsh finds them
 * itself, and folders that do not exist change nothing for it.
 */
export const zshEnvironment = `
module_path=(${folder}zsh/usr/lib/*/zsh/*(N/) $module_path)
fpath=(${folder}zsh/usr/share/zsh/functions{,/**/*}(N/) $fpath)
`;
