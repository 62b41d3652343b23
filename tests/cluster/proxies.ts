/** Starts the load balancers of deploy/ in front of test servers; both come from Debian. */
import { root } from "../../tools/paths.ts";
import { debianLibraries, debianPeer, folder } from "../../tools/peers/install.ts";

const NAME = "proxies";

const installed = debianPeer(
  NAME,
  ["nginx", "haproxy"],
  "usr/sbin/nginx",
  "nginx and HAProxy come from Debian or Ubuntu; use one of them",
);

/** A load balancer in front of servers, which ends when it is disposed of. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
}

/** Replaces the port that a file of deploy/ listens on, 50051, and those of its three servers. */
async function example(file: string, port: number, servers: readonly number[]): Promise<string> {
  let text = await Deno.readTextFile(`${root}deploy/${file}`);
  for (const [from, to] of [[50051, port], ...servers.map((to, at) => [50061 + at, to])]) {
    const uses = new RegExp(`(listen |:)${from}\\b(?!.*on;)`, "g");
    if (!uses.test(text)) throw new Error(`deploy/${file} does not name the port ${from}`);
    text = text.replace(uses, `$1${to}`);
  }
  return text;
}

/** A port that was free just now. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return (listener.addr as Deno.NetAddr).port;
}

async function start(
  file: string,
  servers: readonly number[],
  commandLine: (config: string, workFolder: string) => string[] | Promise<string[]>,
): Promise<Proxy> {
  const port = freePort();
  const program = await startProgram(async (workFolder) => {
    const config = `${workFolder}/${file.replace(/.*\//, "")}`;
    await Deno.writeTextFile(config, await example(file, port, servers));
    return await commandLine(config, workFolder);
  });
  return { port, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/**
 * Starts nginx or HAProxy, which ends when it is disposed of.
 *
 * @param commandLine gets a folder that is there as long as the program runs
 */
async function startProgram(
  commandLine: (workFolder: string) => Promise<string[]>,
): Promise<AsyncDisposable> {
  await installed();
  const workFolder = await Deno.makeTempDir({ prefix: "usersvc-proxy-" });
  const [program, ...args] = await commandLine(workFolder);
  const child = new Deno.Command(`${folder}${NAME}/usr/sbin/${program}`, {
    args,
    env: { LD_LIBRARY_PATH: debianLibraries(NAME) },
    stdin: "null",
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(workFolder, { recursive: true });
    },
  };
}

/** Starts nginx with deploy/nginx/usersvc.conf in front of three servers. */
export function startNginx(servers: readonly number[]): Promise<Proxy> {
  return start(
    "nginx/usersvc.conf",
    servers,
    (config, workFolder) => nginxWith(`include ${config};`, workFolder),
  );
}

/**
 * Starts nginx with other servers than those of deploy/.
 *
 * @param servers makes its `server` blocks; it gets a folder for what they log
 */
export function startOtherNginx(
  servers: (workFolder: string) => string,
): Promise<AsyncDisposable> {
  return startProgram((workFolder) => nginxWith(servers(workFolder), workFolder));
}

async function nginxWith(servers: string, workFolder: string): Promise<string[]> {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${workFolder}/${kind};`).join(" ");
  await Deno.writeTextFile(
    `${workFolder}/nginx.conf`,
    `worker_processes 2; daemon off; pid ${workFolder}/nginx.pid; error_log stderr crit;
events {}
http { access_log off; ${temporary} ${servers} }
`,
  );
  return ["nginx", "-p", workFolder, "-c", `${workFolder}/nginx.conf`];
}

/** Starts HAProxy with deploy/haproxy/usersvc.cfg in front of three servers. */
export function startHaproxy(servers: readonly number[]): Promise<Proxy> {
  return start("haproxy/usersvc.cfg", servers, (config) => ["haproxy", "-q", "-db", "-f", config]);
}
