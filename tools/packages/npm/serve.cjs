// Starts a server for the tests of a client: serve.d.cts says what for and how.
"use strict";

const { spawn } = require("node:child_process");
const http = require("node:http");
const https = require("node:https");
const { join } = require("node:path");
const process = require("node:process");
const { launch } = require("./deno.cjs");

const OWN_ARGS = ["--until-stdin-closes", "--host", "127.0.0.1", "--port", "0", "--log", "json"];

/** How many calls are kept for `calls`, unless the arguments say so or exclude it. */
const RECORD = ["--record", "1000"];

/** How long `calls` waits for a count, in milliseconds, where it is not told. */
const WAIT_MS = 5_000;

/** The record of the log that says where the server listens. */
const LISTENING = /^\{.*"event":"listening",.*"port":.*\}(?=\n)/m;

/** The servers of this process. */
const running = new Set();

// vitest's workers live on without vitest: the end of a runner that has forked this process counts.
if (process.connected) {
  process.once("disconnect", () => {
    for (const child of running) child.stdin.end();
  });
  // Otherwise the listener would keep this process running.
  process.channel.unrefCounted?.();
}

async function serve({ args = [] } = {}) {
  const has = (...flags) => args.some((arg) => flags.includes(arg.split("=", 1)[0]));
  if (has("--log")) {
    throw new Error("usersvc: --log cannot be among args, for serve() reads the log as JSON");
  }
  const record = has("--record", "--no-http", "--workers") ? [] : RECORD;
  const { path, args: line, env, failure } = launch(["serve", ...OWN_ARGS, ...record, ...args]);
  const child = spawn(path, line, { env });
  running.add(child);
  const exited = new Promise((resolve) => {
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  const { address: bound, port } = await listening(child, failure);
  letGo(child);

  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[bound] ?? bound;
  const server = { secure: has("--tls-cert"), host, port };
  const stop = () => {
    child.ref();
    child.stdin.end();
    return exited;
  };
  return {
    address: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    port,
    proto: join(__dirname, "proto", "user_service.proto"),
    exited,
    calls: async (filter = {}) => {
      const lines = await ask(server, "GET", `/calls?${query(filter)}`);
      return lines.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    },
    reset: async () => void await ask(server, "DELETE", "/calls"),
    stop,
    [Symbol.asyncDispose]: async () => void await stop(),
  };
}

/** Waits for the record of where it listens; fails with what it has said instead. */
function listening(child, failure) {
  let said = "";
  // It may have ended by itself when its stdin is ended.
  child.stdin.on("error", () => {});
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8");
  return new Promise((resolve, reject) => {
    const read = (chunk) => {
      said += chunk;
      const found = LISTENING.exec(said);
      if (found !== null) resolve(JSON.parse(found[0]));
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("error", (error) => reject(new Error(`usersvc: ${failure(error)}`)));
    child.once("close", (code) => {
      reject(new Error(said.trim() || `usersvc serve has ended with exit code ${code}`));
    });
  });
}

/** From here on it keeps no event loop alive, and its log goes nowhere. */
function letGo(child) {
  child.stdout.removeAllListeners("data").resume();
  child.stderr.removeAllListeners("data").on("data", (text) => process.stderr.write(text));
  // Bun's stdin has none.
  for (const handle of [child, ...child.stdio]) handle.unref?.();
}

/** The query of `GET /calls`; what it does not know, the server refuses by name. */
function query({ metadata = {}, wait = WAIT_MS, ...filter }) {
  const values = Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, value]);
  const limit = filter.count === undefined ? [] : [["wait", `${wait}ms`]];
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return new URLSearchParams([...given, ...limit, ...values]);
}

/** Asks a server over a connection of its own; resolves with the body of the answer. */
function ask({ secure, host, port }, method, path) {
  // It is the server that this process has started, whatever its certificate says.
  const options = { method, host, port, path, agent: false, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => text += chunk).on("error", reject);
      response.on("end", () => {
        if (response.statusCode < 300) return resolve(text);
        const { statusCode, statusMessage } = response;
        reject(new Error(`usersvc: ${method} ${path}: ${statusCode} ${statusMessage}: ${text}`));
      });
    });
    request.on("error", reject).end();
  });
}

// Assigned by name, so that modules can import it by name.
exports.serve = serve;
