/** Why a folder for temporary files cannot be used, by the code of the error. */
const FOLDER_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "is not a folder",
  EACCES: "cannot be written",
  EPERM: "cannot be written",
  EROFS: "cannot be written",
  ENOSPC: "is full",
  EDQUOT: "is full",
};

/**
 * Puts into words why a worker could not be started. Deno opens a temporary file to start a process
 * with, and reports what goes wrong with it as if it were the program's fault: `spawn … ENOENT`.
 *
 * @param error what node:child_process reports
 */
export function startFault(error: Error): string {
  const code = codeOf(error);
  if (code === "EMFILE" || code === "ENFILE") {
    return "no file descriptor is left to start a worker with; allow more (ulimit -n 1024)";
  }
  const folder = FOLDER_FAULTS[temporaryFileFault()];
  return folder === undefined ? error.message : "a worker cannot be started: the folder for " +
    `temporary files, TMPDIR or else /tmp, ${folder}; set TMPDIR to one that can be written`;
}

/** The code of the error at making a temporary file; empty if one can be made. */
function temporaryFileFault(): string {
  try {
    // Its name is for Deno to know: TMPDIR reads as unset.
    Deno.removeSync(Deno.makeTempFileSync({ prefix: "usersvc-" }));
    return "";
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
