/** Copies a folder, or a file, to a path that does not exist yet. */
export async function copyTree(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) {
    if (name !== "__pycache__") await copyTree(`${from}/${name}`, `${to}/${name}`);
  }
}
