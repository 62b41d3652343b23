// Finds the native Deno that npm has installed beside this package.
"use strict";

const { dirname, join } = require("node:path");
const process = require("node:process");
const { deno: version, flags } = require("./run.json");

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

/** The path of the native Deno, and why it cannot be started. */
function findDeno() {
  const wrapper = manifestOf("deno", __dirname);
  if (wrapper === undefined) throw new Error(`Deno ${version} is missing beside it; ${again}`);
  const build = `@deno/${process.platform}-${process.arch}` +
    (process.platform === "linux" ? "-glibc" : "");
  const { version: found, optionalDependencies = {} } = require(wrapper);
  if (found !== version) {
    throw new Error(`it needs Deno ${version}, but ${dirname(wrapper)} is ${found}; ${again}`);
  }
  const why = () => unsupported(Object.keys(optionalDependencies), build);
  const native = manifestOf(build, dirname(wrapper));
  if (native === undefined) {
    throw new Error(why() ?? `${build} is missing, an optional dependency of deno; ${again}`);
  }
  const other = require(native).version;
  if (other !== version) {
    throw new Error(`it needs Deno ${version}, but ${dirname(native)} is ${other}; ${again}`);
  }
  const path = join(dirname(native), process.platform === "win32" ? "deno.exe" : "deno");
  return { path, why };
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

/**
 * How the program is started with these arguments.
 *
 * @returns the path of Deno, its arguments, its environment, and what to say if it cannot be started
 * @throws {Error} if there is no Deno that runs it; the message is one line
 */
exports.launch = function launch(args) {
  const { path, why } = findDeno();
  return {
    path,
    args: [...flags, join(__dirname, "bundle", "main.js"), ...args],
    env: {
      ...process.env,
      DENO_DIR: cacheFolder(),
      // For the command of `serve -- COMMAND`.
      USERSVC_GIVEN_DENO_DIR: process.env.DENO_DIR ?? "",
    },
    failure: ({ code }) => why() ?? `${path} cannot be started (${code}); ${again}`,
  };
};
