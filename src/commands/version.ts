import config from "../../deno.json" with { type: "json" };

/** The version of usersvc. Its only source is deno.json. */
export const version: string = config.version;

/** What `usersvc --version` prints: `usersvc 0.1.0 (deno 2.9.2)`. */
export function versionLine(): string {
  return `${config.name} ${config.version} (deno ${Deno.version.deno})`;
}
