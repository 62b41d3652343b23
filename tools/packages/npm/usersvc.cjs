#!/usr/bin/env node
// Starts the bundle with the native Deno that npm has installed beside this package.
"use strict";

const { spawn } = require("node:child_process");
const { dirname, join } = require("node:path");
const process = require("node:process");
const { deno: version, flags } = require("./run.json");

/** Ends with one line that says what is wrong. */
function fail(line) {
  process.stderr.write(`usersvc: ${line}\n`);
  process.exit(1);
}

const again = "install it again with: npm install usersvc";

/** Where a package's manifest is, or undefined; package managers other than npm nest packages. */
function manifestOf(name, from) {
  try {
    return require.resolve(`${name}/package.json`, { paths: [from] });
  } catch {
    return undefined;
  }
}

/** Why Deno does not run on this machine, as far as that can be told. */
function unsupported(builds, build) {
  if (!builds.includes(build)) {
    return `Deno ${version} is not available for ${process.platform} on ${process.arch}`;
  }
  if (process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime) {
    return `Deno ${version} needs glibc, which this system does not have (Alpine has musl)`;
  }
  return undefined;
}

/** The path of the native Deno. */
function findDeno() {
  const wrapper = manifestOf("deno", __dirname);
  if (wrapper === undefined) return fail(`Deno ${version} is missing beside it; ${again}`);
  const build = `@deno/${process.platform}-${process.arch}` +
    (process.platform === "linux" ? "-glibc" : "");
  const { version: found, optionalDependencies = {} } = require(wrapper);
  if (found !== version) {
    return fail(`it needs Deno ${version}, but ${dirname(wrapper)} is ${found}; ${again}`);
  }
  const why = () => unsupported(Object.keys(optionalDependencies), build);
  const native = manifestOf(build, dirname(wrapper));
  if (native === undefined) {
    return fail(why() ?? `${build} is missing, an optional dependency of deno; ${again}`);
  }
  const other = require(native).version;
  if (other !== version) {
    return fail(`it needs Deno ${version}, but ${dirname(native)} is ${other}; ${again}`);
  }
  const name = process.platform === "win32" ? "deno.exe" : "deno";
  return { path: join(dirname(native), name), why };
}

/**
 * Where Deno keeps compiled code: a folder of the user that is for this program alone, which is faster.
 * Deno does not start without one, but does where it cannot be made; nothing can be below a device.
 */
function cacheFolder() {
  const { DENO_DIR, HOME, LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  if (DENO_DIR) return DENO_DIR;
  if (process.platform === "win32") return join(LOCALAPPDATA || "NUL", "usersvc");
  const ofSystem = process.platform === "darwin" ? "Library/Caches" : ".cache";
  return join(XDG_CACHE_HOME || join(HOME || "/dev/null", ofSystem), "usersvc");
}

/** Not child.kill: where Deno is Node, "exit" then says that the signal has ended the process. */
function send({ pid }, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended, or was never started; its event is on the way.
  }
}

function start({ path, why }) {
  const env = { ...process.env, DENO_DIR: cacheFolder() };
  // Deno takes a comma for the end of a path, so such a path cannot be allowed by name.
  const allowed = path.includes(",") ? "" : `=${path}`;
  const run = flags.map((flag) => flag.replace("={deno}", () => allowed));
  const args = [...run, join(__dirname, "bundle", "main.js"), ...process.argv.slice(2)];
  // Not process.execve: in Node 24.9 Deno would start with its signals blocked.
  const child = spawn(path, args, { stdio: "inherit", env });
  child.on("error", ({ code }) => {
    fail(why() ?? `${path} cannot be started (${code}); ${again}`);
  });
  // On Windows the console tells every process of Ctrl-C.
  const passOn = process.platform === "win32" ? () => {} : (signal) => send(child, signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
  for (const signal of signals) process.on(signal, passOn);
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    // Ends as Deno has, for those that ask why.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

start(findDeno());
